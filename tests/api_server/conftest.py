"""The API server that judges."""

from __future__ import annotations

import pytest

from local.cluster.control_plane import ControlPlane
from tests.api_server.server import Server


@pytest.fixture(scope="session")
def server(control_plane: ControlPlane) -> Server:
    return Server(control_plane)
