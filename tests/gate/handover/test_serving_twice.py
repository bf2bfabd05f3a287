"""Regions that serve at the same time without knowing of each other end with one memory, and lose nothing."""

from __future__ import annotations

import pytest

from tests.gate.handover.buckets import Buckets
from tests.gate.handover.flows import both, clear, flag
from tests.gate.handover.gates import Gate
from tests.gate.handover.memories import US


@pytest.mark.parametrize("skew", [0.0, 86_400.0, -86_400.0])
def test_two_regions_that_serve_at_once_the_first_wins_and_the_other_sets_its_writes_aside(
    us: Gate, eu: Gate, buckets: Buckets, skew: float
) -> None:
    """Each sees the other flagged; neither is told so of itself. Their clocks decide nothing."""
    eu.skew = skew
    us.write("one")
    both(us, eu, buckets)
    flag(US, eu)
    for gate in (us, eu):
        gate.round(2)
    assert us.ready and eu.ready
    us.write("from us")
    eu.write("from eu")
    both(us, eu, buckets, 3)
    assert us.ready and eu.ready
    clear(US, eu)
    both(us, eu, buckets, 20)

    assert us.memory == eu.memory == {"one", "from us"}
    assert eu.aside == {"from eu"}
    assert us.aside == set()


def test_the_first_region_takes_what_the_other_wrote_while_it_was_cut_off_and_idle(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    us.write("one")
    both(us, eu, buckets)
    flag(US, eu)
    eu.round(2)
    eu.write("two")
    eu.round()
    clear(US, eu)
    both(us, eu, buckets, 20)

    assert us.memory == eu.memory == {"one", "two"}
    assert us.aside == eu.aside == set()
    assert us.messages("Outranked")


def serve_from_eu(eu: Gate, buckets: Buckets) -> None:
    """While only the next region knows of the first one's flag."""
    flag(US, eu)
    eu.round(2)
    eu.write("from eu")
    eu.round()
    buckets.replicate()


def test_a_first_region_that_learns_late_of_its_flag_restores_what_the_next_one_wrote(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    """Its node was cut off: nobody could tell its pods, while clients were sent to the next region."""
    us.write("one")
    both(us, eu, buckets)
    us.write("last words")
    serve_from_eu(eu, buckets)
    us.round(8, seconds=10)  # The network is back; the kubelet has not yet brought the flag.
    flag(US, us)
    both(us, eu, buckets)
    clear(US, us, eu)
    both(us, eu, buckets, 20)

    assert us.memory == eu.memory == {"one", "from eu"}
    assert us.aside == {"last words"}
    assert eu.aside == set()


def test_a_region_that_serves_with_an_empty_memory_takes_any_that_turns_up(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    """Its volume was lost while nobody's bucket could be read."""
    eu.write("one")
    eu.upload()
    assert us.ready and us.memory == set()
    both(us, eu, buckets, 5)

    assert us.memory == {"one"}
    assert us.ready


@pytest.mark.parametrize("waited", [0, 1, 2])
def test_the_files_of_the_region_that_clients_are_in_win_though_its_gate_starts_again(
    us: Gate, eu: Gate, buckets: Buckets, waited: int
) -> None:
    """One-way cut: eu cannot reach us and takes over. Clients stay in us, which has no flag."""
    us.write("one")
    both(us, eu, buckets)
    flag(US, eu)
    eu.round(2)
    eu.write("from eu")
    eu.round()
    us.write("before the restart")
    both(us, eu, buckets)
    us.round(waited)
    us.write("not uploaded yet")

    us.start()
    us.round(seconds=2.0)
    assert us.ready and us.memory == {"one", "before the restart", "not uploaded yet"}
    us.write("after the restart")
    both(us, eu, buckets, 5)
    assert us.messages("GenerationRaised"), "it claims"
    clear(US, eu)
    both(us, eu, buckets, 20)

    assert us.memory == eu.memory == {"one", "before the restart", "not uploaded yet", "after the restart"}
    assert us.aside == set() and eu.aside == {"from eu"}


@pytest.mark.parametrize("away", [240.0, 86_400.0])
def test_a_region_that_was_away_takes_what_the_other_one_wrote(
    us: Gate, eu: Gate, buckets: Buckets, away: float
) -> None:
    """It died without knowing of its flag, and finds no flag when it is back."""
    us.write("one")
    both(us, eu, buckets)
    us.write("last words")
    serve_from_eu(eu, buckets)
    us.time.pass_by(away)
    clear(US, eu)
    eu.round(2, seconds=2.0)
    buckets.replicate()
    us.start()
    us.round(3, seconds=2.0)

    assert us.ready and us.memory == {"one", "from eu"} and us.aside == {"last words"}
