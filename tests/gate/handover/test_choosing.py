"""Which memory wins, and which descends from which."""

from __future__ import annotations

import pytest

from runtime.gate.lineage.ancestry import HOPS, descends
from runtime.gate.lineage.ranking import best_first, outranks
from runtime.gate.snapshot.checkpoint import Checkpoint, CheckpointRef
from runtime.gate.snapshot.scan import Snapshot
from runtime.gate.storage.keys import CheckpointId
from tests.gate.handover.gates import config_of
from tests.gate.handover.memories import EU, US

AP = "ap-southeast-1"
ORDER = (US, EU, AP)


def at(region: str, generation: int, time: int = 1) -> CheckpointRef:
    return CheckpointRef(region=region, checkpoint=CheckpointId(generation=generation, at=time))


def made(where: CheckpointRef, base: CheckpointRef | None = None) -> Checkpoint:
    return Checkpoint(region=where.region, id=where.checkpoint, base=base, files={})


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (at(EU, 3, 1), at(US, 2, 9)),
        (at(US, 3, 1), at(EU, 3, 9)),
        (at(EU, 3, 1), at(AP, 3, 9)),
        (at(AP, 3, 1), at("gone", 3, 9)),
        (at(EU, 3, 2), at(EU, 3, 1)),
    ],
    ids=["generation", "order", "order of others", "one that left", "own time"],
)
def test_generation_then_order_and_time_only_within_a_region(
    winner: CheckpointRef, loser: CheckpointRef
) -> None:
    assert outranks(winner, loser, ORDER)
    assert not outranks(loser, winner, ORDER)
    assert not outranks(winner, winner, ORDER)


def test_a_copy_stands_where_its_original_does_and_comes_after_it() -> None:
    origin, copy = made(at(EU, 2)), made(at(US, 2, 9), at(EU, 2))
    newer = made(at(EU, 2, 5))
    found = [Snapshot(checkpoint=one, buckets=(US,)) for one in (copy, origin, newer)]

    assert copy.origin == origin.ref
    assert [one.checkpoint for one in best_first(config_of(AP, ORDER), found)] == [newer, origin, copy]


def test_followed_memories_come_before_others_where_memories_do_not_rank() -> None:
    own, followed = made(at(EU, 4)), made(at(US, 0))
    found = [Snapshot(checkpoint=one, buckets=(US,)) for one in (own, followed)]
    settings = config_of(EU, (US, EU), ranked=False, follows=(US,))

    assert best_first(settings, found)[0].checkpoint is followed


def test_a_memory_descends_from_earlier_ones_of_its_line_and_from_its_bases() -> None:
    chain = {
        (EU, 2): made(at(EU, 2, 7), at(US, 1, 5)),
        (US, 3): made(at(US, 3, 8), at(EU, 2, 7)),
    }
    newest = made(at(US, 3, 9), at(EU, 2, 7))

    def lookup(base: CheckpointRef) -> Checkpoint | None:
        return chain.get((base.region, base.checkpoint.generation))

    for ancestor in (at(US, 3, 9), at(US, 3, 2), at(EU, 2, 7), at(EU, 2, 3), at(US, 1, 5), at(US, 1, 1)):
        assert descends(newest, ancestor, lookup), ancestor
    for other in (at(US, 3, 10), at(EU, 2, 8), at(US, 1, 6), at(AP, 2, 1), at(AP, 1, 1), at(EU, 4, 1)):
        assert not descends(newest, other, lookup), other


def test_without_the_checkpoints_between_a_memory_counts_as_no_descendant() -> None:
    assert not descends(made(at(US, 3), at(EU, 2)), at(US, 1), lambda base: None)


def test_bases_that_go_in_a_circle_end() -> None:
    one, two = made(at(US, 3), at(EU, 3)), made(at(EU, 3), at(US, 3))
    lookups = []

    def lookup(base: CheckpointRef) -> Checkpoint:
        lookups.append(base)
        return two if base.region == EU else one

    assert not descends(one, at(AP, 2), lookup)
    assert len(lookups) <= HOPS
