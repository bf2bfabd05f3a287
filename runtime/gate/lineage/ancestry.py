"""Which snapshots contain each other: what a swap may drop because the winner descends from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runtime.gate.lineage.state import LineageState
from runtime.gate.snapshot.checkpoint import Checkpoint, CheckpointRef

HOPS = 100
"""How many bases are followed in the search for an ancestor."""

Lookup = Callable[[CheckpointRef], Checkpoint | None]
"""The checkpoint itself, or another of the same region and generation; None when none exists any more."""


@dataclass(frozen=True, kw_only=True)
class Ancestry:
    """Of the active files, seen from a snapshot that is to replace them."""

    known: Checkpoint | None
    """An ancestor of the snapshot, whose files it may have dropped."""
    diverged: Checkpoint | None
    """The newest uploaded checkpoint of the active files, when the snapshot does not descend from it."""


def descends(checkpoint: Checkpoint, ancestor: CheckpointRef, lookup: Lookup) -> bool:
    """Whether the snapshot was made from the one at `ancestor`. In doubt False: then more files are kept
    below `diverged/` than necessary."""
    current = checkpoint
    for _ in range(HOPS):
        if _same_history(current.ref, ancestor):
            return current.id.at >= ancestor.checkpoint.at
        base = current.base
        if base is None or base.checkpoint.generation < ancestor.checkpoint.generation:
            return False
        if _same_history(base, ancestor):
            return base.checkpoint.at >= ancestor.checkpoint.at
        found = lookup(base)
        if found is None or found.ref == current.ref:
            return False
        current = found
    return False


def _same_history(one: CheckpointRef, other: CheckpointRef) -> bool:
    """A region's checkpoints of one generation follow from each other."""
    return one.region == other.region and one.checkpoint.generation == other.checkpoint.generation


def is_contained(checkpoint: Checkpoint | None, other: Checkpoint | None) -> bool:
    """Whether all files of a checkpoint are in the other one, too."""
    if checkpoint is None:
        return True
    return other is not None and all(
        (same := other.files.get(path)) is not None and same.sha256 == file.sha256
        for path, file in checkpoint.files.items()
    )


def ancestry(
    state: LineageState,
    winner: Checkpoint,
    *,
    restored: Checkpoint | None,
    uploaded: Checkpoint | None,
    lookup: Lookup,
) -> Ancestry:
    """`restored` and `uploaded`: of the active files, as in `StateFiles`."""
    if state.raised:
        if uploaded is not None and descends(winner, uploaded.ref, lookup):
            return Ancestry(known=uploaded, diverged=None)
        return Ancestry(known=None, diverged=uploaded)
    # Without a base, the region of the restored snapshot may be gone for good, or be this region.
    is_ancestor = state.base is not None and descends(winner, state.base, lookup)
    return Ancestry(
        known=restored if is_ancestor else None,
        diverged=None if is_contained(uploaded, restored) else uploaded,
    )


def is_covered(own: Checkpoint, winner: Checkpoint, lookup: Lookup) -> bool:
    """Whether the winner, or a snapshot from which it descends, has all that this region uploaded last."""
    if own.ref == winner.ref or is_contained(own, winner):
        return True
    if not descends(winner, own.origin, lookup):
        return False
    return own.origin == own.ref or is_contained(own, lookup(own.origin))
