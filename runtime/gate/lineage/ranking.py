"""Which snapshot wins: pure decisions about states and checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cmp_to_key

from runtime.contracts.gate import GateConfig
from runtime.gate.lineage.state import LineageState
from runtime.gate.snapshot.checkpoint import Checkpoint, CheckpointRef
from runtime.gate.snapshot.scan import Snapshot
from runtime.gate.storage.keys import CheckpointId, is_ahead

NEWEST = 10**13 - 1
"""A checkpoint time after all others: that of active files that this region is still writing."""


def priority(region: str, regions: Sequence[str]) -> int:
    """The region's place in the takeover order, 0 first; a region that has left the company comes last."""
    return regions.index(region) if region in regions else len(regions)


def outranks(ref: CheckpointRef, other: CheckpointRef, regions: Sequence[str]) -> bool:
    """Whether `ref` wins over `other`: by generation, then by the region's priority, then, within one region
    and generation, by time.

    Times of two regions are never compared.
    """
    if ref.checkpoint.generation != other.checkpoint.generation:
        return ref.checkpoint.generation > other.checkpoint.generation
    if ref.region == other.region:
        return ref.checkpoint.at > other.checkpoint.at
    return priority(ref.region, regions) < priority(other.region, regions)


def active_ref(config: GateConfig, state: LineageState, *, empty: bool) -> CheckpointRef | None:
    """The rank of the active files, as a checkpoint; None without any."""
    if state.base is not None and not state.raised:
        return state.base
    if empty and not state.raised:
        return None
    at = NEWEST if state.raised else 0
    return CheckpointRef(region=config.region, checkpoint=CheckpointId(generation=state.generation, at=at))


def without_future(state: LineageState, now: float) -> LineageState:
    """A gate whose clock was wrong may have written the base, which was newer then than all that followed: it
    is older. `now`: S3's time in seconds; 0 if it is unknown."""
    base = state.base
    if base is None or not now or not is_ahead(base.checkpoint.at, int(now * 1000)):
        return state
    return replace(state, base=replace(base, checkpoint=replace(base.checkpoint, at=0)))


def wins_over(
    config: GateConfig,
    state: LineageState,
    active: CheckpointRef | None,
    other: Checkpoint,
    *,
    primary: bool,
) -> bool:
    """Whether another region's snapshot wins over the active files (`active_ref`). `primary`: whether this
    region is."""
    if active is None:
        return True
    if config.ranked:
        return outranks(other.origin, active, config.order)
    # A followed region's snapshot always wins, except over what this region writes while it is promoted.
    base = state.base
    if base is None or base.region != other.origin.region:
        return True
    return other.origin.checkpoint > base.checkpoint or (state.raised and not primary)


def best_first(config: GateConfig, snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    """By rank. Where snapshots do not rank, those of followed regions come first; an original comes before
    its copies."""

    def compare(one: Snapshot, other: Snapshot) -> int:
        if not config.ranked:
            follows = [each.checkpoint.region in config.follows for each in (one, other)]
            if follows[0] != follows[1]:
                return -1 if follows[0] else 1
        origins = one.checkpoint.origin, other.checkpoint.origin
        if origins[0] == origins[1]:
            return one.checkpoint.is_copy - other.checkpoint.is_copy
        return -1 if outranks(*origins, config.order) else 1

    return sorted(snapshots, key=cmp_to_key(compare))
