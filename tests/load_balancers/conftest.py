"""One controller for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.machine.processes import Processes
from tests.load_balancers.judge import Judge


@pytest.fixture(scope="package")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    state = tmp_path_factory.mktemp("load-balancers")
    try:
        yield Judge(state)
    finally:
        Processes(state).stop_all()
