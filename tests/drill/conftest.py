"""Objects of the platform on the API server; and fixtures of the operator's other commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.cluster.control_plane import ControlPlane
from ops.cluster_access import Cluster
from ops.drill.doors import Doors
from plan.names import SYSTEM_NAMESPACE
from tests.drill.platform import Objects, reach
from tests.drill.scenes import scene
from tests.ops.conftest import copies
from tests.services import started

__all__ = ["copies"]

NOBODY = "http://127.0.0.1:1"
NAMESPACES = (SYSTEM_NAMESPACE, *scene().namespaces)


class ByAddress(Doors):
    """Here are no kubelets: the pods' addresses are this machine's own."""

    def url(self, cluster: Cluster, namespace: str, pod: str, port: int) -> str:
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": pod}}
        live = cluster.api.get(manifest)
        return f"http://{live['status']['podIP']}:{port}" if live else NOBODY


@pytest.fixture(scope="package")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Of these tests alone: what others deploy into the platform's namespaces forbids such simple pods."""
    with started(tmp_path_factory.mktemp("drill-control-plane")) as plane:
        yield plane


@pytest.fixture(scope="module")
def made(control_plane: ControlPlane) -> Iterator[Objects]:
    objects = Objects(reach(control_plane))
    for name in NAMESPACES:
        objects.namespace(name)
    yield objects
    objects.clear(*NAMESPACES)


@pytest.fixture
def objects(made: Objects) -> Objects:
    """None of the platform's objects are there yet."""
    made.clear(*NAMESPACES)
    return made


@pytest.fixture
def doors() -> Iterator[Doors]:
    found = ByAddress()
    yield found
    found.close()
