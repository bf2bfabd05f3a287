"""How one memory takes the place of another: the standby is brought up to date, then exchanged for what is
there."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from runtime.gate.checkpoint import Base, Checkpoint
from runtime.gate.choosing import descends
from runtime.gate.memory import LINE, TAKEN, Memory, State, point, standing, write_checkpoint
from runtime.gate.settings import GateSettings
from runtime.gate.sources import Found, Sources, Stores
from runtime.gate.standby import Damaged, Standby
from runtime.gate.store import StoreError
from runtime.gate.swap import Swap, Swapped
from runtime.gate.volume import Volume

BROKEN_MARK = ".broken-"
"""In the name of a file that restore found broken and put beside the good one; it is no writing of
anybody's."""


class Record(Protocol):
    def __call__(self, reason: str, message: str, warning: bool = False) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What following is made of."""

    volume: Volume
    memory: Memory
    standby: Standby
    swap: Swap
    sources: Sources
    stores: Stores
    record: Record


def changed(volume: Volume, since: Checkpoint | None) -> bool:
    """Whether the volume holds anything else than the checkpoint does (None: than nothing)."""
    files = since.files if since else {}
    scanned = {path: stat for path, stat in volume.scan().items() if BROKEN_MARK not in path}
    if scanned.keys() != files.keys() or any(scanned[path].size != file.size for path, file in files.items()):
        return True
    try:
        return any(volume.sha256(path) != file.sha256 for path, file in files.items())
    except FileNotFoundError:
        return True


def build(parts: Parts, found: Found, timeout: float | None = None) -> bool:
    """Bring the standby to this checkpoint; False (and recorded) when no bucket gives it.

    Raises Interrupted, and OSError; on a full disk everything is as it was.
    """
    checkpoint = found.checkpoint
    current = parts.standby.current()
    if current is not None and point(current) == point(checkpoint):
        return True
    for bucket in found.buckets:
        store = parts.stores(bucket, checkpoint.region, timeout)
        try:
            parts.standby.build(checkpoint, store.download)
            return True
        except (StoreError, Damaged) as error:
            if isinstance(error, Damaged):
                parts.sources.condemn(bucket, checkpoint)
            else:
                parts.sources.distrust(checkpoint)
            if "no space left" in str(error).lower():
                parts.standby.discard()
                raise OSError(errno.ENOSPC, f"the other region's memory does not fit: {error}") from error
            told = (
                f"{checkpoint.region}'s checkpoint {checkpoint.id} cannot be had from the bucket of {bucket}"
            )
            parts.record("StandbyFailed", f"{told}: {error}", warning=True)
    return False


def exchange(
    parts: Parts,
    settings: GateSettings,
    state: State,
    checkpoint: Checkpoint,
    after: State,
    *,
    placing: Callable[[bool], None] = lambda placing: None,
) -> Swapped | None:
    """Make the standby, which holds `checkpoint`, the memory. None when the memory is the same already.

    `placing` is told when the memory begins and ends not to be whole. What the new memory does not hold is
    set aside. Raises OSError: then it goes on with `finish`.
    """
    line = parts.memory.line()
    if not parts.swap.tampered and not changed(parts.volume, checkpoint) and line_is_held(line, checkpoint):
        write_checkpoint(parts.memory.folder / TAKEN, checkpoint)
        parts.memory.save(replace(after, swapped_at=state.swapped_at))
        (parts.memory.folder / LINE).unlink(missing_ok=True)
        return None
    known, diverging = ancestry(parts, settings, state, checkpoint, line)
    if after.base == point(checkpoint) and after.raised:
        known, diverging = None, line  # an operator's restore: all that it does not name is set aside
    parts.swap.begin(checkpoint, before=state, after=after, known=known, line=diverging)
    placing(True)
    parts.swap.place()
    placing(False)
    return parts.swap.settle()


def ancestry(
    parts: Parts, settings: GateSettings, state: State, winner: Checkpoint, line: Checkpoint | None
) -> tuple[Checkpoint | None, Checkpoint | None]:
    """What of the present memory the winner descends from, and the copy of it from which it does not."""
    taken = parts.memory.taken()
    if state.raised:
        if line is not None and descends(winner, point(line), parts.sources.at):
            return line, None
        return None, line
    # Where it is none, the region that it was taken from may be gone for good, or be this one.
    is_ancestor = state.base is not None and descends(winner, state.base, parts.sources.at)
    return (taken if is_ancestor else None), (None if line_is_held(line, taken) else line)


def line_is_held(line: Checkpoint | None, by: Checkpoint | None) -> bool:
    """Whether all that was copied here is in another checkpoint too."""
    if line is None:
        return True
    return by is not None and all(
        (other := by.files.get(path)) is not None and other.sha256 == file.sha256
        for path, file in line.files.items()
    )


def state_after(
    settings: GateSettings, state: State, winner: Checkpoint, *, clock: Callable[[], float]
) -> State:
    """Of a memory that is taken from `winner`."""
    generation = winner.id.generation if settings.ranked else max(state.generation, winner.id.generation)
    return replace(
        state,
        generation=generation,
        base=standing(winner),
        raised=False,
        served=False,
        ranked=settings.ranked,
        seen=max(state.highest, winner.id.generation),
        swapped_at=clock(),
    )


def state_ordered(
    settings: GateSettings, state: State, checkpoint: Checkpoint, order: str, now: float
) -> State:
    """Of a memory that an operator put back: it outranks all others."""
    base: Base = point(checkpoint)
    raised = replace(state, seen=max(state.highest, base.checkpoint.generation)).raise_generation()
    return replace(raised, base=base, ranked=settings.ranked, last_order=order, swapped_at=now)
