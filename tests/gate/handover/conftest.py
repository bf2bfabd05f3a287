"""A company in two regions, its buckets in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gate.handover.buckets import Buckets
from tests.gate.handover.flows import ORDER
from tests.gate.handover.gates import Clock, Gate
from tests.gate.handover.memories import EU, US


@pytest.fixture
def buckets() -> Buckets:
    return Buckets(ORDER)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def region(tmp_path: Path, buckets: Buckets, clock: Clock) -> Callable[[str], Gate]:
    return lambda name: Gate(name, tmp_path / name, buckets, clock, ORDER)


@pytest.fixture
def us(region: Callable[[str], Gate]) -> Gate:
    """The first by priority: the primary."""
    gate = region(US)
    gate.round()
    assert gate.ready
    return gate


@pytest.fixture
def eu(region: Callable[[str], Gate]) -> Gate:
    return region(EU)
