"""Fixtures that start the local services once a test session, and what tests of running things share."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.aws import emulator as emulator_service
from local.aws.emulator import Emulator
from local.cluster import control_plane as control_plane_service
from local.cluster.control_plane import ControlPlane
from local.machine.processes import Processes

LIMIT_SECONDS = 120.0
POLL_SECONDS = 0.02


def until(condition: Callable[[], bool], what: str, limit: float = LIMIT_SECONDS) -> None:
    """Return as soon as `condition` holds; fail the test when it does not within `limit` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {limit:.0f} s: {what}"
        time.sleep(POLL_SECONDS)


@contextmanager
def started(state: Path) -> Iterator[ControlPlane]:
    """A control plane of one's own."""
    try:
        yield control_plane_service.start(state, print)
    finally:
        Processes(state).stop_all()


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A Kubernetes control plane without nodes, stopped at the end of the session."""
    with started(tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An AWS emulator, stopped at the end of the session."""
    state = tmp_path_factory.mktemp("emulator")
    try:
        yield emulator_service.start(state, print)
    finally:
        Processes(state).stop_all()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder of the test's own; whatever it started there is stopped at its end."""
    folder = tmp_path / "state"
    try:
        yield folder
    finally:
        Processes(folder).stop_all()
