"""The swap: the staged snapshot replaces the active files. It ends complete whenever the gate or its node
dies.

Everything that needs space on the disk is written before the first rename, or has its space kept since
before. `swap_state.py` has the states.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.gate.application import Application
from runtime.gate.lineage import divergence
from runtime.gate.lineage.ancestry import Ancestry
from runtime.gate.lineage.state import STATE, LineageState, StateFiles
from runtime.gate.restore.quiesce import forget_acknowledgements, quiesce
from runtime.gate.restore.space import bytes_to_set_aside
from runtime.gate.restore.staged import MARKER, STAGED, matches
from runtime.gate.restore.swap_state import (
    INCOMING,
    JOURNAL,
    STATE_NEXT,
    TRANSITIONS,
    Journal,
    SwapAction,
    SwapState,
    is_swapping,
    read_journal,
    read_state,
)
from runtime.gate.snapshot.checkpoint import (
    RESTORED,
    UPLOADED,
    Checkpoint,
    StoredFile,
    load_checkpoint,
    save_checkpoint,
)
from runtime.gate.snapshot.hashes import Hashes, Stat
from runtime.gate.snapshot.lance import is_write_once
from runtime.gate.snapshot.volume import Volume, is_active_file
from runtime.gate.storage import durable, reserve
from runtime.gate.storage.files import remove
from runtime.gate.storage.keys import DIVERGED

STATE_BEFORE = "state.before.json"
KNOWN = "known.json"
DIVERGING = "diverging.json"
REPLACED = "replaced"
TRASH = f"{REPLACED}.trash"
TAMPERED = "tampered"
"""Exists when an application that ran during the renames changed a file of the snapshot."""


@dataclass(frozen=True, kw_only=True)
class SwapResult:
    aside: tuple[str, ...]
    """Folders below `diverged/` that the swap made."""
    tampered: bool


class Swap:
    """Swaps a volume's active files for its staged snapshot."""

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
        self._records = StateFiles(volume.root)
        self._gate = self._records.folder
        self._hashes: Hashes = {}  # Of the files that are replaced.
        self._incoming = self._gate / INCOMING
        self._actions: Mapping[SwapAction, Callable[[Journal], None]] = {
            SwapAction.MOVE_OUT: self._move_out,
            SwapAction.MOVE_IN: self._move_in,
            SwapAction.ROLL_BACK: self._roll_back,
            SwapAction.SET_ASIDE: self._set_aside,
        }

    @property
    def state(self) -> SwapState:
        return read_state(self._root)

    @property
    def is_swapping(self) -> bool:
        return is_swapping(self._root)

    @property
    def tampered(self) -> bool:
        return (self._gate / TAMPERED).exists()

    def accept_tampered(self) -> None:
        """The changed files stay as they are."""
        remove(self._gate / TAMPERED)

    def prepare(
        self, checkpoint: Checkpoint, *, before: LineageState, after: LineageState, ancestry: Ancestry
    ) -> None:
        """Begin to make the staged snapshot, which is `checkpoint`, active, with `after` as its state.

        Raises OSError when the disk is full: then nothing has begun.
        """
        at = divergence.free_time(self._root, int(self._clock() * 1000))
        try:
            self._records.save(after, STATE_NEXT)
            self._records.save(before, STATE_BEFORE)
            if ancestry.known is not None:
                save_checkpoint(self._gate / KNOWN, ancestry.known)
            if ancestry.diverged is not None:
                save_checkpoint(self._gate / DIVERGING, ancestry.diverged)
            paths = {*self._volume.scan(), *(ancestry.diverged.files if ancestry.diverged else ())}
            reserve.keep(self._root, bytes_to_set_aside(paths))
            Journal(id=str(at), at=at, snapshot=checkpoint.ref).save(self._root)
        except OSError:
            if self.state is SwapState.NONE:
                self._clear()
            raise

    def activate(self) -> None:
        """Until the active files are complete and `state.json` is theirs. Raises OSError; call it again
        then."""
        stopped = False
        while (state := self.state) not in (SwapState.NONE, SwapState.DONE):
            journal = self._journal()
            if TRANSITIONS[state].stopped and not stopped:
                quiesce(
                    self._root, self._component, self._application, swap=journal.id, replicas=self._replicas()
                )
                stopped = True
            self._act(state, journal)
        if state is SwapState.NONE:
            self._clear()

    def finish(self) -> SwapResult | None:
        """After `activate`: set diverged files aside and close the journal. None without a swap. Raises
        OSError; call it again then."""
        if self.state is not SwapState.DONE:
            return None
        journal = self._journal()
        self._act(SwapState.DONE, journal)
        aside = tuple(divergence.folders_of(self._root, journal.at))
        return SwapResult(aside=aside, tampered=self.tampered)

    def _act(self, state: SwapState, journal: Journal) -> None:
        action = self._actions[TRANSITIONS[state].action]
        reserve.with_reserve(self._root, lambda: action(journal))

    def _journal(self) -> Journal:
        journal = read_journal(self._root)
        assert journal is not None, "a swap in progress has a journal"
        return journal

    def _move_out(self, journal: Journal) -> None:
        self._hashes = self._volume.hashes()
        remove(self._gate / TAMPERED)
        (self._gate / REPLACED / "0").mkdir(parents=True, exist_ok=True)
        for entry in sorted(self._root.iterdir()):
            if is_active_file(entry.name, self._component):
                os.rename(entry, self._layer(entry.name))
        durable.sync_folder(self._root)
        durable.move(self._root / STAGED, self._incoming)

    def _move_in(self, journal: Journal) -> None:
        for entry in sorted(entry for entry in self._incoming.iterdir() if entry.name != MARKER):
            while not self._move_entry_in(entry, self._root / entry.name):
                continue
        durable.sync_folder(self._root)
        durable.sync_folder(self._incoming)
        # An application that was started meanwhile has read a mixture: it must not write that back.
        self._application.stop()
        self._verify()
        self._install()

    def _move_entry_in(self, entry: Path, target: Path) -> bool:
        """False when an application that was started meanwhile made the target between two calls."""
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
        """Where an entry is moved: the first layer of replaced files that does not have its name."""
        number = 0
        while os.path.lexists(self._gate / REPLACED / str(number) / name):
            number += 1
        layer = self._gate / REPLACED / str(number)
        layer.mkdir(parents=True, exist_ok=True)
        return layer / name

    def _verify(self) -> None:
        """Move out files that an application made meanwhile, and note when it changed one of the
        snapshot."""
        checkpoint = load_checkpoint(self._incoming / MARKER)
        if checkpoint is None:
            return
        tops = {path.partition("/")[0] for path in checkpoint.files}
        for entry in sorted(self._root.iterdir()):
            if is_active_file(entry.name, self._component) and entry.name not in tops:
                os.rename(entry, self._layer(entry.name))
        scanned = self._volume.scan()
        if scanned.keys() != checkpoint.files.keys() or any(
            not self._is_unchanged(path, scanned[path], file) for path, file in checkpoint.files.items()
        ):
            durable.write_atomically(self._gate / TAMPERED, b"")
        self._volume.save_hashes(scanned)

    def _is_unchanged(self, path: str, stat: Stat, file: StoredFile) -> bool:
        if stat.size != file.size:
            return False
        known = self._volume.cached_hash(path, stat)
        return known == file.sha256 if known else is_write_once(path) or matches(self._root / path, file)

    def _install(self) -> None:
        if (self._gate / STATE_NEXT).exists():
            durable.move(self._gate / STATE_NEXT, self._gate / STATE)
        if (self._incoming / MARKER).exists():
            remove(self._gate / UPLOADED)
            durable.move(self._incoming / MARKER, self._gate / RESTORED)
        self._incoming.rmdir()
        durable.sync_folder(self._gate)

    def _roll_back(self, journal: Journal) -> None:
        self._application.stop()
        layer = self._gate / REPLACED / "0"
        for entry in sorted(layer.iterdir()) if layer.exists() else []:
            target = self._root / entry.name
            if os.path.lexists(target):
                folder = self._root / DIVERGED / divergence.folder_name(journal.at)
                folder.mkdir(parents=True, exist_ok=True)
                os.rename(target, folder / entry.name)
            os.rename(entry, target)
        durable.sync_folder(self._root)
        self._close()

    def _set_aside(self, journal: Journal) -> None:
        replaced = self._gate / REPLACED
        if replaced.exists():
            winner = self._records.restored()
            assert winner is not None  # from `_install`
            files = divergence.ReplacedFiles(
                folder=replaced,
                component=self._component,
                region=self._region,
                state=self._records.load(STATE_BEFORE) or LineageState(),
                ancestry=Ancestry(
                    known=load_checkpoint(self._gate / KNOWN),
                    diverged=load_checkpoint(self._gate / DIVERGING),
                ),
                winner=winner,
                hashes=self._hashes,
            )
            self._add_unsent(divergence.set_aside(self._root, files, journal.at))
            remove(self._gate / TRASH)
            durable.move(replaced, self._gate / TRASH)
        self._hashes = {}
        self._close()

    def _add_unsent(self, folders: list[str]) -> None:
        state = self._records.load() or LineageState()
        unsent = tuple(dict.fromkeys([*state.unsent, *folders]))
        if unsent != state.unsent:
            self._records.save(replace(state, unsent=unsent))

    def _close(self) -> None:
        remove(self._gate / JOURNAL)
        durable.sync_folder(self._gate)
        self._clear()

    def _clear(self) -> None:
        """Delete what a swap that is over, or never began, leaves in the gate's folder."""
        for name in (STATE_NEXT, STATE_BEFORE, KNOWN, DIVERGING, TRASH):
            remove(self._gate / name)
            remove(self._gate / f".{name}.new")
        reserve.release(self._root)
        forget_acknowledgements(self._root)
