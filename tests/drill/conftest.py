"""Objects of the platform on the API server; and fixtures of the operator's other commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cluster.control_plane import ControlPlane
from ops.cluster_access import Cluster
from ops.drill import run
from ops.probing.port_forwards import PortForwards
from plan.names import SYSTEM_NAMESPACE
from tests.drill.commands import Command
from tests.drill.platform import Objects, reach
from tests.drill.scenarios import scenario
from tests.ops.conftest import snapshots
from tests.services import started

__all__ = ["snapshots"]

NOBODY = "http://127.0.0.1:1"
NAMESPACES = (SYSTEM_NAMESPACE, *scenario().namespaces)


class ByAddress(PortForwards):
    """Here are no kubelets: the pods' addresses are this machine's own."""

    def url(self, cluster: Cluster, namespace: str, pod: str, port: int) -> str:
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": pod}}
        live = cluster.api.get(manifest)
        return f"http://{live['status']['podIP']}:{port}" if live else NOBODY


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs wait less long for steps that do not happen."""
    monkeypatch.setattr(run, "OUTAGE_SECONDS", 60)
    monkeypatch.setattr(run, "RETURN_SECONDS", 150)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(tmp_path, monkeypatch)


@pytest.fixture(scope="package")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Of these tests alone: what others deploy into the platform's namespaces forbids such simple pods."""
    with started(tmp_path_factory.mktemp("drill-control-plane")) as plane:
        yield plane


@pytest.fixture(scope="module")
def installed(control_plane: ControlPlane) -> Iterator[Objects]:
    objects = Objects(reach(control_plane))
    for name in NAMESPACES:
        objects.namespace(name)
    yield objects
    objects.clear(*NAMESPACES)


@pytest.fixture
def objects(installed: Objects) -> Objects:
    """None of the platform's objects are there yet."""
    installed.clear(*NAMESPACES)
    return installed


@pytest.fixture
def forwards() -> Iterator[PortForwards]:
    found = ByAddress()
    yield found
    found.close()
