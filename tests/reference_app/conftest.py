from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reference_app.programs import BRAIN, HEALTH_MONITOR, Program, running


@pytest.fixture(scope="package")
def brain_volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("brain")


@pytest.fixture(scope="package")
def brain(brain_volume: Path) -> Iterator[Program]:
    """One for all tests; each has companies of its own."""
    with running(BRAIN, brain_volume) as program:
        yield program


@pytest.fixture(scope="package")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The volume of the health monitor."""
    return tmp_path_factory.mktemp("agent")


@pytest.fixture(scope="package")
def health_monitor(monitored: Path) -> Iterator[Program]:
    with running(HEALTH_MONITOR, monitored) as program:
        yield program
