"""A region that returns has all that was written while another served, however long its last upload takes."""

from __future__ import annotations

import pytest

from runtime.gate.handover.phases import HANDOVER_SECONDS
from runtime.gate.storage.keys import ANNOUNCEMENT
from tests.gate.handover.buckets import Buckets
from tests.gate.handover.flows import both, clear, failover, flag
from tests.gate.handover.gates import Gate
from tests.gate.handover.memories import EU, US


@pytest.fixture(autouse=True)
def failed_over(us: Gate, eu: Gate, buckets: Buckets) -> None:
    """To `eu`, which has written what it has not uploaded yet."""
    us.write("one")
    both(us, eu, buckets)
    failover(us, eu, buckets)
    eu.write("two")


def announced(region: str, buckets: Buckets) -> bool:
    return f"{region}/acme/brain/{ANNOUNCEMENT}" in buckets.objects[region]


def test_the_bucket_of_a_region_says_that_it_serves_until_it_has_handed_over(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    assert announced(EU, buckets)
    clear(US, us, eu)
    eu.coordinate()
    assert announced(EU, buckets)
    eu.upload()
    assert not announced(EU, buckets)
    us.round(3)
    assert announced(US, buckets)


def test_the_last_upload_is_waited_for(us: Gate, eu: Gate, buckets: Buckets) -> None:
    clear(US, us, eu)
    buckets.cut = {(EU, EU)}
    for _ in range(10):
        eu.round(seconds=1.0)
        us.round(seconds=4.0)
    assert not us.ready
    buckets.cut = set()
    eu.round()
    us.round(2, seconds=2.0)

    assert us.ready and us.memory == {"one", "two"}
    assert us.messages("HandoverAwaited") and us.aside == eu.aside == set()


def test_a_region_that_hands_over_while_its_gate_starts_again_is_waited_for(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    clear(US, us, eu)
    eu.start()
    us.round(2, seconds=2.0)
    assert not us.ready
    eu.round(seconds=2.0)
    us.round(2, seconds=2.0)

    assert us.ready and us.memory == {"one", "two"}


def test_a_region_that_never_hands_over_is_waited_for_a_minute(us: Gate, eu: Gate) -> None:
    clear(US, us, eu)
    us.round(seconds=1.0)
    us.round(seconds=HANDOVER_SECONDS - 2)
    assert not us.ready
    us.round(3, seconds=2.0)

    assert us.ready and us.memory == {"one"}
    assert us.messages("HandoverMissed")


def test_a_clock_that_is_put_back_prolongs_no_wait(us: Gate, eu: Gate) -> None:
    clear(US, us, eu)
    us.round(seconds=1.0)
    us.skew -= 3600
    us.round(seconds=HANDOVER_SECONDS)
    us.round(2, seconds=2.0)

    assert us.ready and us.memory == {"one"}


def test_one_that_is_flagged_is_not_waited_for(us: Gate, eu: Gate) -> None:
    clear(US, us, eu)
    flag(EU, us)
    us.round(2, seconds=2.0)

    assert us.ready


def test_while_its_bucket_cannot_say_so_a_region_serves_all_the_same(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    clear(US, us, eu)
    eu.round()
    us.round(2, seconds=2.0)
    buckets.cut = {(EU, EU)}
    flag(US, us, eu)
    eu.round(3)

    assert eu.ready and eu.messages("Unannounced")
    assert not announced(EU, buckets)
    buckets.cut = set()
    eu.round()
    assert announced(EU, buckets)
