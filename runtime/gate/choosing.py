"""Which memory wins: pure decisions about states and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cmp_to_key

from runtime.gate.checkpoint import Base, Checkpoint, CheckpointId
from runtime.gate.memory import State, outranks, point, standing
from runtime.gate.roles import Role
from runtime.gate.settings import GateSettings
from runtime.gate.sources import Found, original

NEWEST = 10**13 - 1
"""As the time of an id: later than any. A memory that was raised here stands at the end of its own line."""
HOPS = 100
"""Through so many bases an ancestor is looked for."""

Lookup = Callable[[Base], Checkpoint | None]
"""The checkpoint at a point, or another of the same region and generation; None when there is none any
more."""


def stands_at(settings: GateSettings, state: State, *, empty: bool) -> Base | None:
    """Where the present memory stands; None for none at all."""
    if state.raised:
        return Base(region=settings.region, checkpoint=CheckpointId(generation=state.generation, at=NEWEST))
    if state.base is not None:
        return state.base
    if empty:
        return None
    return Base(region=settings.region, checkpoint=CheckpointId(generation=state.generation, at=0))


def beats(settings: GateSettings, role: Role, state: State, present: Base | None, other: Checkpoint) -> bool:
    """Whether another region's memory wins over the present one (`stands_at`)."""
    if present is None:
        return True
    there = standing(other)
    if settings.ranked:
        return outranks(there, present, settings.order)
    # A followed region's memory always wins, but for what this region writes while it is promoted.
    base = state.base
    if base is None or base.region != there.region:
        return True
    return there.checkpoint > base.checkpoint or (state.raised and role is not Role.SERVING)


def best_first(settings: GateSettings, found: Iterable[Found]) -> list[Found]:
    """The followed regions' memories before others where memories do not rank; a region's own before a
    copy of it."""

    def compare(one: Found, other: Found) -> int:
        if not settings.ranked:
            followed = (
                one.checkpoint.region in settings.follows,
                other.checkpoint.region in settings.follows,
            )
            if followed[0] != followed[1]:
                return -1 if followed[0] else 1
        here, there = standing(one.checkpoint), standing(other.checkpoint)
        if here == there:
            return original(other) - original(one)
        return -1 if outranks(here, there, settings.order) else 1

    return sorted(found, key=cmp_to_key(compare))


def descends(checkpoint: Checkpoint, ancestor: Base, lookup: Lookup) -> bool:
    """Whether the memory of `checkpoint` was made from the one at `ancestor`. In doubt it was not: then
    more is set aside than need be."""
    current = checkpoint
    for _ in range(HOPS):
        if _same_line(point(current), ancestor):
            return current.id.at >= ancestor.checkpoint.at
        base = current.base
        if base is None or base.checkpoint.generation < ancestor.checkpoint.generation:
            return False
        if _same_line(base, ancestor):
            return base.checkpoint.at >= ancestor.checkpoint.at
        found = lookup(base)
        if found is None or point(found) == point(current):
            return False
        current = found
    return False


def _same_line(one: Base, other: Base) -> bool:
    """A region's checkpoints of one generation follow from each other."""
    return one.region == other.region and one.checkpoint.generation == other.checkpoint.generation
