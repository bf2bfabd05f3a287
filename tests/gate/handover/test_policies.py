"""Policies other than failover; and what happens when an operator changes policy, priority or regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from runtime.gate.restore.staged import STAGED
from tests.gate.handover.buckets import Buckets
from tests.gate.handover.flows import both, clear, failover, flag
from tests.gate.handover.gates import Clock, Gate, config_of
from tests.gate.handover.memories import EU, US

AP = "ap-southeast-1"
ORDER = (US, EU, AP)
Region = Callable[..., Gate]


@pytest.fixture
def buckets() -> Buckets:
    return Buckets(ORDER)


@pytest.fixture
def region(tmp_path: Path, buckets: Buckets) -> Region:
    clock = Clock()

    def made(name: str, order: Sequence[str] = (US, EU), **changes: object) -> Gate:
        return Gate(name, tmp_path / name, buckets, clock, order, **changes)

    return made


@pytest.fixture
def active(region: Region) -> Gate:
    """Of policy latency: a memory of its own."""
    return region(US, ranked=False, follows=())


@pytest.fixture
def passive(region: Region) -> Gate:
    return region(EU, ranked=False, follows=(US,))


def test_an_active_region_has_a_memory_of_its_own_and_raises_nothing(
    active: Gate, region: Region, buckets: Buckets
) -> None:
    other = region(EU, ranked=False, follows=())
    for gate in (active, other):
        gate.round()
        gate.write()
    both(active, other, buckets, 20)

    assert active.memory == {f"{US}-1"} and other.memory == {f"{EU}-1"}
    assert active.state.generation == other.state.generation == 0
    assert active.ready and other.ready
    assert active.now_alarm is None and other.now_alarm is None


def test_a_passive_region_follows_and_sets_aside_what_it_wrote_while_promoted(
    active: Gate, passive: Gate, buckets: Buckets
) -> None:
    active.write("one")
    both(active, passive, buckets)
    assert passive.memory == {"one"}
    failover(active, passive, buckets)
    passive.write("promoted")
    both(active, passive, buckets)
    passive.start_gate()
    passive.round(2)
    assert passive.ready and passive.memory == {"one", "promoted"}
    clear(US, active, passive)
    active.write("two")
    both(active, passive, buckets, 20)

    assert active.memory == passive.memory == {"one", "two"}
    assert passive.aside == {"promoted"}
    assert active.ready


def test_a_passive_region_takes_the_followed_memory_back_though_nothing_was_written_there(
    active: Gate, passive: Gate, buckets: Buckets
) -> None:
    active.write("one")
    both(active, passive, buckets)
    failover(active, passive, buckets)
    passive.write("promoted")
    both(active, passive, buckets)
    clear(US, active, passive)
    both(active, passive, buckets, 20)

    assert passive.memory == {"one"}
    assert passive.aside == {"promoted"}


def test_policy_latency_turned_into_failover_the_first_regions_memory_is_the_companys(
    active: Gate, region: Region, buckets: Buckets
) -> None:
    other = region(EU, ranked=False, follows=())
    for gate in (active, other):
        gate.round()
        gate.write()
    both(active, other, buckets, 2)
    for gate in (active, other):
        gate.config = config_of(gate.region, (US, EU))
    both(active, other, buckets, 20)

    assert active.memory == other.memory == {f"{US}-1"}
    assert other.aside == {f"{EU}-1"}
    assert active.aside == set()


def test_after_a_promotion_of_the_passive_region_the_same_change_keeps_the_active_regions_memory(
    active: Gate, passive: Gate, buckets: Buckets
) -> None:
    active.write("one")
    both(active, passive, buckets)
    failover(active, passive, buckets)
    passive.write("promoted")
    both(active, passive, buckets)
    clear(US, active, passive)
    both(active, passive, buckets, 20)
    assert passive.state.generation > active.state.generation
    for gate in (active, passive):
        gate.config = config_of(gate.region, (US, EU))
    active.write("two")
    both(active, passive, buckets, 40)

    assert active.memory == passive.memory == {"one", "two"}
    assert active.aside == set()


def test_failover_turned_into_latency_each_goes_on_with_what_it_has(region: Region, buckets: Buckets) -> None:
    us, eu = region(US), region(EU)
    us.round()
    us.write("one")
    both(us, eu, buckets)
    for gate in (us, eu):
        gate.config = config_of(gate.region, (US, EU), ranked=False, follows=())
    both(us, eu, buckets)
    eu.write("of eu")
    us.write("of us")
    both(us, eu, buckets, 20)

    assert us.memory == {"one", "of us"} and eu.memory == {"one", "of eu"}
    assert us.ready and eu.ready


def test_a_priority_that_a_deployment_reverses_moves_the_memory(region: Region, buckets: Buckets) -> None:
    us, eu = region(US), region(EU)
    us.round()
    us.write("one")
    both(us, eu, buckets)
    us.write("two")
    for gate in (us, eu):
        gate.config = config_of(gate.region, (EU, US))
    both(us, eu, buckets, 2)
    assert eu.ready and eu.memory == {"one", "two"}
    eu.write("three")
    both(us, eu, buckets, 20)

    assert us.memory == eu.memory == {"one", "two", "three"}
    assert us.aside == eu.aside == set()


def test_a_region_that_joins_takes_the_memory_and_one_that_leaves_does_not_take_it_along(
    region: Region, buckets: Buckets
) -> None:
    us, eu = region(US), region(EU)
    us.round()
    us.write("one")
    both(us, eu, buckets)
    failover(us, eu, buckets)
    eu.write("two")
    both(us, eu, buckets)
    ap = region(AP, ORDER)
    for gate in (us, eu):
        gate.config = config_of(gate.region, ORDER)
    for _ in range(2):
        for gate in (us, eu, ap):
            gate.flags = frozenset({US})
            gate.round()
        buckets.replicate()
    assert ap.memory == {"one", "two"}
    assert ap.state.base is not None and ap.state.base.region == EU

    for gate in (us, ap):
        gate.config = config_of(gate.region, (AP, US))
    ap.round(2)
    assert ap.ready and ap.memory == {"one", "two"}
    ap.write("three")
    both(ap, us, buckets, 20)
    assert us.memory == {"one", "two", "three"}
    assert us.aside == set()


def test_the_third_region_takes_over_when_two_are_gone(region: Region, buckets: Buckets) -> None:
    us, eu, ap = (region(name, ORDER) for name in ORDER)
    us.round(2)
    us.write("one")
    for _ in range(2):
        for gate in (us, eu, ap):
            gate.round()
        buckets.replicate()
    flag(US, us, eu, ap)
    eu.round(2)
    eu.write("two")
    eu.round()
    buckets.replicate()
    flag(EU, us, eu, ap)
    buckets.cut |= {(AP, US), (AP, EU)}
    ap.round(2)
    assert ap.ready and ap.memory == {"one", "two"}
    ap.write("three")
    ap.round()
    buckets.cut.clear()
    buckets.replicate()
    for gate in (us, eu, ap):
        gate.flags = frozenset()
    for _ in range(20):
        for gate in (us, eu, ap):
            gate.round()
        buckets.replicate()

    assert us.memory == eu.memory == ap.memory == {"one", "two", "three"}
    assert us.aside == eu.aside == ap.aside == set()
    assert us.ready


def test_a_region_that_follows_nobody_any_more_drops_what_is_staged(region: Region, buckets: Buckets) -> None:
    """It would keep data that tables have dropped on the volume."""
    us, eu = region(US), region(EU)
    us.write("one")
    both(us, eu, buckets, 2)
    us.write("two")
    both(us, eu, buckets, 2)
    assert (eu.root / STAGED).exists()
    eu.config = config_of(EU, ORDER, follows=(), ranked=False)
    eu.round()

    assert eu.ready and eu.memory == {"one"}
    assert not [entry for entry in eu.root.iterdir() if entry.name.startswith(STAGED)]
