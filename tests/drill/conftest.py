"""Objects of the platform on the API server; and fixtures of the operator's other commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.control_plane import ControlPlane
from ops.drill.doors import Doors
from plan.names import SYSTEM_NAMESPACE
from tests.drill.platform import Objects, reach
from tests.drill.scenes import scene
from tests.ops.conftest import copies
from tests.services import started

__all__ = ["copies"]

NAMESPACES = (SYSTEM_NAMESPACE, *scene().namespaces)


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
    found = Doors(direct=True)
    yield found
    found.close()
