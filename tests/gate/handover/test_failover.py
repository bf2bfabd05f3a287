"""A company's memory follows its traffic from region to region; what two regions wrote at once is never
lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from runtime.gate.handover.roles import Role
from runtime.gate.lineage.state import StateFiles
from tests.gate.handover.buckets import Buckets
from tests.gate.handover.flows import ORDER, both, clear, failback, failover, flag
from tests.gate.handover.gates import GRAPH, Clock, Gate
from tests.gate.handover.memories import EU, US


def test_a_new_company_begins_with_nothing_and_raises_the_generation_with_its_first_memory(us: Gate) -> None:
    assert us.state.generation == 0
    us.write("one")
    us.round()

    assert (us.state.generation, us.state.raised) == (1, True)
    assert us.memory == {"one"}


def test_a_standby_takes_the_serving_regions_memory_and_then_keeps_it_beside_its_own(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    us.write("one")
    both(us, eu, buckets)
    assert eu.memory == {"one"}
    us.write("two")
    both(us, eu, buckets)

    assert eu.memory == {"one"}  # not swapped in again so soon
    assert eu.staged == {"one", "two"}
    both(us, eu, buckets, 16)
    assert eu.memory == {"one", "two"}
    assert eu.role is Role.STANDBY and eu.ready
    assert eu.aside == set()


def test_promoted_it_serves_the_newest_memory_even_when_no_bucket_answers(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    us.write("one")
    both(us, eu, buckets)
    us.write("two")
    both(us, eu, buckets)
    buckets.cut |= {(EU, US), (EU, EU)}
    flag(US, us, eu)

    assert not eu.ready  # even before its worker has noticed
    eu.round()
    assert eu.memory == {"one", "two"}
    assert not eu.ready  # it looks once more
    eu.round()
    assert eu.ready


def test_promoted_it_takes_what_only_the_other_regions_bucket_has(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    us.write("one")
    both(us, eu, buckets)
    us.write("two")
    us.round()
    flag(US, us, eu)
    eu.round(2)

    assert buckets.under_way
    assert eu.memory == {"one", "two"}
    assert eu.ready


def test_failover_and_back_under_writes_loses_nothing(us: Gate, eu: Gate, buckets: Buckets) -> None:
    written = {us.write()}
    both(us, eu, buckets)
    for _ in range(3):
        failover(us, eu, buckets)
        written.add(eu.write())
        both(us, eu, buckets)
        assert eu.memory == written
        failback(us, eu, buckets)
        written.add(us.write())
        both(us, eu, buckets)
        assert us.memory == written
    assert us.aside == eu.aside == set()
    assert us.state.generation == 7


def test_the_last_writes_before_the_flag_went_are_in_the_returning_regions_memory(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    us.write("one")
    both(us, eu, buckets)
    failover(us, eu, buckets)
    eu.write("not uploaded yet")
    failback(us, eu, buckets)

    assert us.memory == {"one", "not uploaded yet"}


def test_a_region_that_died_with_writes_of_its_own_sets_them_aside_when_it_returns(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    us.write("one")
    both(us, eu, buckets)
    us.write("only on the volume")
    flag(US, us, eu)
    eu.round(2)
    eu.write("two")
    eu.round()
    buckets.replicate()
    us.start()
    failback(us, eu, buckets)

    assert us.memory == {"one", "two"}
    assert us.aside == {"only on the volume"}
    assert us.messages("Diverged") and us.messages("DivergedStored")
    assert us.metrics.value("agency_diverged_total") == 1
    stored = [key for key in buckets.objects[US] if key.startswith(f"{US}/acme/brain/diverged/")]
    assert any(key.endswith("/data/only on the volume.lance") for key in stored)
    assert any(key.endswith("/checkpoint.json") for key in stored)


def test_late_writes_to_the_region_that_served_are_set_aside_once_the_other_has_written(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    """Clients' DNS caches live for a while."""
    us.write("one")
    both(us, eu, buckets)
    failover(us, eu, buckets)
    eu.write("two")
    both(us, eu, buckets)
    failback(us, eu, buckets)
    eu.write("late")
    us.write("three")
    both(us, eu, buckets, 17)

    assert us.memory == eu.memory == {"one", "two", "three"}
    assert eu.aside == {"late"}
    assert eu.now_alarm is None


def test_a_late_write_to_a_quiet_company_comes_back_into_the_memory(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    """The returning region has written nothing since it took the other's memory, so it takes what follows
    from it."""
    us.write("one")
    both(us, eu, buckets)
    failover(us, eu, buckets)
    eu.write("two")
    both(us, eu, buckets)
    failback(us, eu, buckets)
    eu.write("late")
    both(us, eu, buckets, 20)

    assert us.memory == eu.memory == {"one", "two", "late"}
    assert us.aside == eu.aside == set()


def test_a_standby_that_was_written_to_alarms_and_does_not_change_over(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    us.write("one")
    both(us, eu, buckets)
    eu.write("stray")
    us.write("two")
    both(us, eu, buckets, 20)

    assert eu.memory == {"one", "stray"}
    assert "is standby" in (eu.now_alarm or "")
    assert eu.metrics.value("agency_alarm") == 1
    assert eu.messages("StandbyWritten") == [eu.now_alarm]
    assert us.memory == {"one", "two"}


def test_promoted_such_a_standby_serves_the_companys_memory_and_sets_the_stray_write_aside(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    us.write("one")
    both(us, eu, buckets)
    eu.write("stray")
    us.write("two")
    both(us, eu, buckets, 2)
    failover(us, eu, buckets)

    assert eu.memory == {"one", "two"}
    assert eu.aside == {"stray"}
    both(us, eu, buckets)
    assert eu.now_alarm is None


def test_a_torn_graph_does_not_keep_a_standby_from_serving_and_its_last_good_copy_is_set_aside(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    us.write("one")
    both(us, eu, buckets)
    eu.write("stray")
    eu.upload()
    (eu.root / GRAPH).write_bytes(b'{"st')
    us.write("two")
    both(us, eu, buckets)
    failover(us, eu, buckets)

    assert eu.memory == {"one", "two"}
    assert eu.aside == {"stray"}


def test_a_graph_that_was_never_uploaded_whole_does_not_either(us: Gate, eu: Gate, buckets: Buckets) -> None:
    us.write("one")
    both(us, eu, buckets)
    eu.write("stray")
    (eu.root / GRAPH).write_bytes(b'{"st')
    failover(us, eu, buckets)
    eu.round(3)

    assert eu.ready


def test_a_promoted_region_waits_at_most_two_minutes_for_peers_that_are_not_flagged(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    us.write("one")
    both(us, eu, buckets)
    failover(us, eu, buckets)
    buckets.cut |= {(US, EU)}
    clear(US, us, eu)
    us.coordinate()
    us.time.pass_by(60)
    us.coordinate()
    assert not us.ready and us.coordinator.now.catching_up
    us.time.pass_by(61)
    us.coordinate()

    assert us.ready
    assert us.messages("CatchUpGaveUp")


def test_times_of_two_regions_are_never_compared(tmp_path: Path, buckets: Buckets, clock: Clock) -> None:
    """The other region's clock is a day ahead, then a day behind."""
    for skew in (86_400.0, -86_400.0):
        us = Gate(US, tmp_path / f"us{skew}", buckets, clock, ORDER)
        eu = Gate(EU, tmp_path / f"eu{skew}", buckets, clock, ORDER, skew)
        both(us, eu, buckets)
        written = us.memory | {us.write(f"one{skew}")}
        both(us, eu, buckets)
        failover(us, eu, buckets)
        written.add(eu.write(f"two{skew}"))
        both(us, eu, buckets)
        failback(us, eu, buckets)
        written.add(us.write(f"three{skew}"))
        both(us, eu, buckets, 20)

        assert us.memory == eu.memory == written
        assert us.aside == eu.aside == set()


def test_a_base_from_the_future_does_not_end_following(us: Gate, eu: Gate, buckets: Buckets) -> None:
    """A gate with a wrong clock wrote it."""
    us.write("one")
    both(us, eu, buckets, 2)
    base = eu.state.base
    assert base is not None
    future = replace(base, checkpoint=replace(base.checkpoint, at=base.checkpoint.at * 2))
    StateFiles(eu.root).save(replace(eu.state, base=future))
    us.write("two")
    both(us, eu, buckets, 20)

    assert eu.memory == {"one", "two"} and not eu.now_alarm
