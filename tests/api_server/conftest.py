"""The API server that judges."""

from __future__ import annotations

from http import HTTPStatus

import pytest
import yaml

from local.cluster.control_plane import ControlPlane
from local.programs.catalog import MONITORING, binary
from tests.api_server.server import Server
from tests.services import until


@pytest.fixture(scope="session")
def server(control_plane: ControlPlane) -> Server:
    """With the Prometheus operator's kinds."""
    server = Server(control_plane)
    for file in sorted(binary("monitoring-kinds", print).parent.glob("*.yaml")):
        assert server.apply(yaml.safe_load(file.read_text(encoding="utf-8")), dry_run=False) is None
    for kind in MONITORING:
        path = f"/apis/monitoring.coreos.com/v1/{kind}"
        until(lambda path=path: server.ask(None, "GET", path)[0] == HTTPStatus.OK, f"{kind} are served")
    return server
