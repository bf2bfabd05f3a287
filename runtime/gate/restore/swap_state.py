"""How far a swap is, read from the disk. The files that exist are the state, so that a killed gate
continues where the disk says:

    .gate/journal.json        a swap has begun
    .standby                  (with the journal's checkpoint) the active files are being moved to
    .gate/replaced/ .gate/incoming            the snapshot is being moved in
    .gate/state.next.json     until the snapshot is active: then it becomes state.json
    .gate/replaced            files that the snapshot does not contain are being set aside
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from runtime.gate.restore.staged import MARKER, STAGED
from runtime.gate.snapshot.checkpoint import CheckpointRef, load_checkpoint
from runtime.gate.snapshot.volume import GATE_FOLDER
from runtime.gate.storage import durable

JOURNAL = "journal.json"
STATE_NEXT = "state.next.json"
INCOMING = "incoming"


@dataclass(frozen=True, kw_only=True)
class Journal:
    """The file `.gate/journal.json`."""

    id: str
    at: int
    """UTC, in milliseconds: names the folders below `diverged/`."""
    snapshot: CheckpointRef
    """Which is staged."""

    def save(self, root: Path) -> None:
        content = {"id": self.id, "at": self.at, **self.snapshot.to_json()}
        durable.write_json(root / GATE_FOLDER / JOURNAL, content)


def read_journal(root: Path) -> Journal | None:
    """None without a swap. Raises ValueError for a damaged file."""
    content = durable.read_document(root / GATE_FOLDER / JOURNAL)
    if content is None:
        return None
    return Journal(id=content.text("id"), at=content.number("at"), snapshot=CheckpointRef.parse(content))


class SwapState(Enum):
    NONE = "none"
    """No swap."""
    PREPARED = "prepared"
    """The snapshot is staged; some active files may be moved out already."""
    IN_PROGRESS = "in progress"
    """All active files are moved out; some files of the snapshot may be moved in already."""
    DONE = "done"
    """The snapshot is active; the replaced files are not all set aside."""
    STAGING_LOST = "staging lost"
    """Somebody deleted the staged snapshot while the active files were moved out."""


class SwapAction(Enum):
    MOVE_OUT = "move the active files out"
    MOVE_IN = "move the snapshot in"
    ROLL_BACK = "move the replaced files back"
    SET_ASIDE = "set diverged files aside, close the journal"


@dataclass(frozen=True, kw_only=True)
class Transition:
    action: SwapAction
    to: SwapState
    stopped: bool
    """Whether no application may run during the action: it is stopped before the first of them."""


TRANSITIONS: Mapping[SwapState, Transition] = {
    SwapState.PREPARED: Transition(action=SwapAction.MOVE_OUT, to=SwapState.IN_PROGRESS, stopped=True),
    SwapState.IN_PROGRESS: Transition(action=SwapAction.MOVE_IN, to=SwapState.DONE, stopped=True),
    SwapState.STAGING_LOST: Transition(action=SwapAction.ROLL_BACK, to=SwapState.NONE, stopped=False),
    SwapState.DONE: Transition(action=SwapAction.SET_ASIDE, to=SwapState.NONE, stopped=False),
}
"""What leads out of each state but NONE, from which `Swap.prepare` leads to PREPARED."""


@dataclass(frozen=True, kw_only=True)
class DiskFiles:
    """Which of a swap's files exist."""

    journal: bool
    next_state: bool = False
    incoming: bool = False
    staged: bool = False
    """The staged snapshot is the journal's."""


def state_of(files: DiskFiles) -> SwapState:
    if not files.journal:
        return SwapState.NONE
    if files.incoming:
        return SwapState.IN_PROGRESS
    if not files.next_state:
        return SwapState.DONE
    return SwapState.PREPARED if files.staged else SwapState.STAGING_LOST


def read_state(root: Path) -> SwapState:
    gate = root / GATE_FOLDER
    journal = read_journal(root)
    if journal is None:
        return SwapState.NONE
    incoming = (gate / INCOMING).exists()
    staged = load_checkpoint(root / STAGED / MARKER)
    is_journals = staged is not None and staged.ref == journal.snapshot
    next_state = (gate / STATE_NEXT).exists()
    return state_of(DiskFiles(journal=True, next_state=next_state, incoming=incoming, staged=is_journals))


def is_swapping(root: Path) -> bool:
    """Whether the active files are incomplete: the application must not serve, nothing may be uploaded."""
    return read_state(root) in (SwapState.PREPARED, SwapState.IN_PROGRESS, SwapState.STAGING_LOST)
