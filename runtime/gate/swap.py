"""The exchange of the memory for the standby, which ends whole whenever the gate or its node dies.

Everything that needs space on the disk is written before the first rename. What then lies where says how far
it is:

    .gate/journal.json            an exchange has begun
    .standby                      (the journal's) the present memory is being moved out, to .gate/replaced/
    .gate/incoming                the new one is being moved in
    .gate/state.next.json         until it is in: then it becomes state.json
    .gate/replaced                what the new memory does not hold is being set aside
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runtime.gate import diverged, durable
from runtime.gate.application import Application
from runtime.gate.checkpoint import DIVERGED, Checkpoint, is_write_once
from runtime.gate.durable import sync_folder, write_atomically
from runtime.gate.memory import (
    LINE,
    STATE,
    TAKEN,
    Memory,
    State,
    read_checkpoint,
    write_checkpoint,
)
from runtime.gate.quiet import locks, says, wait
from runtime.gate.standby import MARKER, STANDBY, holds
from runtime.gate.volume import GATE, Volume, is_memory

JOURNAL = "journal.json"
STATE_NEXT = "state.next.json"
STATE_BEFORE = "state.before.json"
KNOWN = "known.json"
DIVERGING = "diverging.json"
INCOMING = "incoming"
REPLACED = "replaced"
TAMPERED = "tampered"
"""There when an application that ran in the middle of the renames changed something of the new memory."""
STOPPED = "stopped-"
LOCK_SECONDS = 10.0
ACKNOWLEDGED_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Swapped:
    """What an exchange left."""

    aside: tuple[str, ...]
    """Folders below `diverged/` that it made."""
    tampered: bool


class Swap:
    """Exchanges a volume's memory for its standby."""

    def __init__(
        self,
        volume: Volume,
        *,
        component: str,
        region: str,
        application: Application,
        replicas: Callable[[], int] = lambda: 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._volume = volume
        self._component = component
        self._region = region
        self._application = application
        self._replicas = replicas
        self._clock = clock
        self._root = volume.root
        self._memory = Memory(volume.root)
        self._gate = self._memory.folder

    @property
    def unfinished(self) -> bool:
        return (self._gate / JOURNAL).exists()

    @property
    def placing(self) -> bool:
        """Whether the memory is not whole: the application must not serve, and nothing may be copied."""
        return is_placing(self._root)

    @property
    def tampered(self) -> bool:
        return (self._gate / TAMPERED).exists()

    def forgive(self) -> None:
        durable.remove(self._gate / TAMPERED)

    def begin(
        self,
        checkpoint: Checkpoint,
        *,
        before: State,
        after: State,
        known: Checkpoint | None,
        line: Checkpoint | None = None,
    ) -> None:
        """Write down that the standby, which holds `checkpoint`, is to become the memory and `after` its
        state.

        `known`: an ancestor of it, whose files it may have dropped; what neither holds is set aside. `line`:
        the newest copy of the present memory, when it is none. Raises OSError when the disk is full: then
        nothing has begun.
        """
        at = diverged.free_time(self._root, int(self._clock() * 1000))
        try:
            self._memory.save(after, STATE_NEXT)
            self._memory.save(before, STATE_BEFORE)
            if known is not None:
                write_checkpoint(self._gate / KNOWN, known)
            if line is not None:
                write_checkpoint(self._gate / DIVERGING, line)
            told = {"id": str(at), "at": at, "region": checkpoint.region, "checkpoint": str(checkpoint.id)}
            durable.write_json(self._gate / JOURNAL, told)
        except OSError:
            if not self.unfinished:
                self._clear()
            raise

    def place(self) -> None:
        """Until the memory is whole and the state says so. Raises OSError; call it again then."""
        journal = durable.read_json(self._gate / JOURNAL)
        if journal is None:
            self._clear()
            return
        incoming = self._gate / INCOMING
        if not incoming.exists() and not self._stands(journal):
            if (self._gate / STATE_NEXT).exists():
                self._undo(journal)
            return
        self._quiet(journal)
        if not incoming.exists():
            durable.remove(self._gate / TAMPERED)
            self._move_out()
            durable.move(self._root / STANDBY, incoming)
        self._move_in(incoming)
        self._application.stop()  # One that appeared has read who knows what: it must not write that back.
        self._verify(incoming)
        self._install(incoming)

    def settle(self) -> Swapped | None:
        """After `place`: set aside what the new memory does not hold, and close the journal. None without
        one.

        Raises OSError; call it again then.
        """
        journal = durable.read_json(self._gate / JOURNAL)
        if journal is None:
            return None
        replaced = self._gate / REPLACED
        if replaced.exists():
            self._remember(diverged.set_aside(self._root, self._replaced(replaced), journal["at"]))
            trash = self._gate / f"{REPLACED}.trash"
            durable.remove(trash)
            durable.move(replaced, trash)
        aside = tuple(diverged.made(self._root, journal["at"]))
        durable.remove(self._gate / JOURNAL)
        sync_folder(self._gate)
        self._clear()
        return Swapped(aside=aside, tampered=self.tampered)

    def _stands(self, journal: dict[str, Any]) -> bool:
        standby = read_checkpoint(self._root / STANDBY / MARKER)
        return standby is not None and (standby.region, str(standby.id)) == (
            journal["region"],
            journal["checkpoint"],
        )

    def _quiet(self, journal: dict[str, Any]) -> None:
        """No application runs: this pod's has been stopped, the other replicas' gates say so of theirs."""
        if self._application.running():
            wait(lambda: not any(locks(self._root, self._component)), LOCK_SECONDS)
            self._application.stop()
        others = [self._gate / f"{STOPPED}{ordinal}" for ordinal in range(1, self._replicas())]
        wait(lambda: all(says(file, journal["id"]) for file in others), ACKNOWLEDGED_SECONDS)

    def _move_out(self) -> None:
        (self._gate / REPLACED / "0").mkdir(parents=True, exist_ok=True)
        for entry in sorted(self._root.iterdir()):
            if is_memory(entry.name, self._component):
                os.rename(entry, self._layer(entry.name))
        sync_folder(self._root)

    def _move_in(self, incoming: Path) -> None:
        entries = sorted(entry for entry in incoming.iterdir() if entry.name != MARKER)
        for entry in entries:
            while not self._place(entry, self._root / entry.name):
                continue
        sync_folder(self._root)
        sync_folder(incoming)

    def _place(self, entry: Path, target: Path) -> bool:
        """Move an entry in; False when an application that appeared made its own between two calls."""
        if os.path.lexists(target):
            self._application.stop()
            os.rename(target, self._layer(entry.name))
        try:
            os.rename(entry, target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return False
        return True

    def _layer(self, name: str) -> Path:
        """Where an entry goes: the first layer of what was replaced that has none of its name."""
        number = 0
        while os.path.lexists(self._gate / REPLACED / str(number) / name):
            number += 1
        layer = self._gate / REPLACED / str(number)
        layer.mkdir(parents=True, exist_ok=True)
        return layer / name

    def _verify(self, incoming: Path) -> None:
        """Move out what an application that appeared made, and note when it changed something."""
        checkpoint = read_checkpoint(incoming / MARKER)
        if checkpoint is None:
            return
        tops = {path.partition("/")[0] for path in checkpoint.files}
        for entry in sorted(self._root.iterdir()):
            if is_memory(entry.name, self._component) and entry.name not in tops:
                os.rename(entry, self._layer(entry.name))
        scanned = self._volume.scan()
        if scanned.keys() != checkpoint.files.keys() or any(
            scanned[path].size != file.size or not (is_write_once(path) or holds(self._root / path, file))
            for path, file in checkpoint.files.items()
        ):
            write_atomically(self._gate / TAMPERED, b"")

    def _install(self, incoming: Path) -> None:
        if (self._gate / STATE_NEXT).exists():
            durable.move(self._gate / STATE_NEXT, self._gate / STATE)
        if (incoming / MARKER).exists():
            durable.remove(self._gate / LINE)
            durable.move(incoming / MARKER, self._gate / TAKEN)
        incoming.rmdir()
        sync_folder(self._gate)

    def _undo(self, journal: dict[str, Any]) -> None:
        """Somebody removed the standby under it: what was moved out comes back."""
        self._application.stop()
        layer = self._gate / REPLACED / "0"
        for entry in sorted(layer.iterdir()) if layer.exists() else []:
            target = self._root / entry.name
            if os.path.lexists(target):
                made = self._root / DIVERGED / diverged.name_of(journal["at"])
                made.mkdir(parents=True, exist_ok=True)
                os.rename(target, made / entry.name)
            os.rename(entry, target)
        sync_folder(self._root)
        durable.remove(self._gate / JOURNAL)
        sync_folder(self._gate)
        self._clear()

    def _replaced(self, folder: Path) -> diverged.Replaced:
        winner = self._memory.taken()
        assert winner is not None  # `_install` has put it there
        return diverged.Replaced(
            folder=folder,
            component=self._component,
            region=self._region,
            state=self._memory.load(STATE_BEFORE) or State(),
            known=read_checkpoint(self._gate / KNOWN),
            line=read_checkpoint(self._gate / DIVERGING),
            winner=winner,
        )

    def _remember(self, aside: list[str]) -> None:
        state = self._memory.load() or State()
        unsent = tuple(dict.fromkeys([*state.unsent, *aside]))
        if unsent != state.unsent:
            self._memory.save(replace(state, unsent=unsent))

    def _clear(self) -> None:
        """What an exchange that is over, or never began, leaves in the gate's folder."""
        for name in (STATE_NEXT, STATE_BEFORE, KNOWN, DIVERGING, f"{REPLACED}.trash"):
            durable.remove(self._gate / name)
            durable.remove(self._gate / f".{name}.new")
        for file in self._gate.glob(f"{STOPPED}*"):
            file.unlink(missing_ok=True)


def is_placing(root: Path) -> bool:
    gate = root / GATE
    return (gate / JOURNAL).exists() and ((gate / STATE_NEXT).exists() or (gate / INCOMING).exists())


def acknowledge(root: Path, ordinal: int, application: Application) -> bool:
    """For the gates of the other replicas, each second: keep the own application stopped while the memory
    is being exchanged, and say so. Returns whether it is: then `/ready` is 503."""
    if not is_placing(root):
        return False
    application.stop()
    journal = durable.read_json(root / GATE / JOURNAL)
    file = root / GATE / f"{STOPPED}{ordinal}"
    if journal is not None and not says(file, journal["id"]):
        write_atomically(file, journal["id"].encode())
    return True
