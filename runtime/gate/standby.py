"""Another memory, kept beside the present one on the same volume, so that a swap needs no network."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from runtime.gate import durable
from runtime.gate.checkpoint import Checkpoint, StoredFile, is_write_once
from runtime.gate.durable import sync_folder
from runtime.gate.memory import point, read_checkpoint, write_checkpoint
from runtime.gate.volume import Volume, is_memory

STANDBY = ".standby"
NEXT = ".standby-next"
OLD = ".standby-old"
FETCHED = ".standby-fetched"
MARKER = ".checkpoint.json"
"""In a standby that is complete: the checkpoint that it holds."""
SPARE_BYTES = 16 << 20
"""What must stay free on the volume for the application."""
FULL = (errno.ENOSPC, errno.EDQUOT)
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS)

Download = Callable[[Collection[str], Path], None]
"""Brings keys of the checkpoint's writer below a folder."""


class Damaged(Exception):
    """What was downloaded is not what the checkpoint names, or it names what no memory holds."""


class Standby:
    """`.standby` of a volume. Built aside, marked, then renamed; a build that was killed goes on where it
    was."""

    def __init__(self, volume: Volume, component: str) -> None:
        self._volume = volume
        self._component = component
        root = volume.root
        self.folder = root / STANDBY
        self._next, self._old, self._fetched = root / NEXT, root / OLD, root / FETCHED

    def current(self) -> Checkpoint | None:
        """The checkpoint that stands ready."""
        self.tidy()
        return read_checkpoint(self.folder / MARKER)

    def build(self, checkpoint: Checkpoint, download: Download) -> None:
        """Make the standby hold this checkpoint.

        Raises Damaged, what `download` raises, and OSError; on a full disk it takes back what it wrote. The
        former standby stays in every case.
        """
        current = self.current()
        if current is not None and point(current) == point(checkpoint):
            return
        check_paths(checkpoint, self._component)
        try:
            self._next.mkdir(exist_ok=True)
            (self._next / MARKER).unlink(missing_ok=True)
            self._drop_others(checkpoint)
            wanted = self._reuse(checkpoint, current)
            self._check_space(wanted)
            self._fetch(wanted, download)
            self._sync()
            write_checkpoint(self._next / MARKER, checkpoint)
        except OSError as error:
            if error.errno in FULL:
                self.discard()
            raise
        self._publish()  # From here on there is nothing to take back.

    def discard(self) -> None:
        """Take back what an unfinished build holds on the disk."""
        with suppress(OSError):
            durable.remove(self._next)
            durable.remove(self._fetched)

    def tidy(self) -> None:
        """Finish a publication that was killed in the middle."""
        if not self.folder.exists() and (self._next / MARKER).exists():
            durable.move(self._next, self.folder)
        durable.remove(self._old)
        if not self._next.exists():
            durable.remove(self._fetched)

    def _publish(self) -> None:
        durable.remove(self._old)
        if self.folder.exists():
            durable.move(self.folder, self._old)
        durable.move(self._next, self.folder)
        durable.remove(self._old)
        durable.remove(self._fetched)

    def _drop_others(self, checkpoint: Checkpoint) -> None:
        """Of a build that another checkpoint has superseded, what this one does not name."""
        for folder, _, names in os.walk(self._next, topdown=False):
            for name in names:
                file = Path(folder, name)
                if file.relative_to(self._next).as_posix() not in checkpoint.files:
                    file.unlink()
            with suppress(OSError):
                os.rmdir(folder)
        self._next.mkdir(exist_ok=True)

    def _reuse(self, checkpoint: Checkpoint, current: Checkpoint | None) -> dict[str, StoredFile]:
        """Take what is on this volume already; return the rest."""
        wanted = {}
        for path, file in checkpoint.files.items():
            target = self._next / path
            if target.exists():
                if holds(target, file):
                    continue
                target.unlink()
            target.parent.mkdir(parents=True, exist_ok=True)
            standing = current is not None and current.files.get(path) == file
            if not (standing and self._take(self.folder / path, target, path, file)) and not (
                self._live(path, file) and self._take(self._volume.root / path, target, path, file)
            ):
                wanted[path] = file
        return wanted

    def _live(self, path: str, file: StoredFile) -> bool:
        stat = self._volume.stat(path)
        if stat is None or stat.size != file.size:
            return False
        try:
            return self._volume.sha256(path) == file.sha256
        except FileNotFoundError:
            return False

    def _take(self, source: Path, target: Path, path: str, file: StoredFile) -> bool:
        """Link what never changes, copy what is rewritten in place. False when it is not what it should
        be."""
        if is_write_once(path):
            try:
                os.link(source, target)
                return True
            except FileNotFoundError:
                return False
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
        try:
            shutil.copyfile(source, target)
        except FileNotFoundError:
            return False
        if holds(target, file):
            return True
        target.unlink()
        return False

    def _check_space(self, wanted: dict[str, StoredFile]) -> None:
        needed = sum({file.key: file.size for file in wanted.values()}.values()) + SPARE_BYTES
        about = os.statvfs(self._volume.root)
        free = about.f_bavail * about.f_frsize
        if needed > free:
            told = f"the other region's memory needs {needed} bytes, {free} are free: make the volume larger"
            raise OSError(errno.ENOSPC, told, str(self._volume.root))

    def _fetch(self, wanted: dict[str, StoredFile], download: Download) -> None:
        paths: dict[str, list[str]] = {}
        for path, file in wanted.items():
            paths.setdefault(file.key, []).append(path)
        files = {key: wanted[named[0]] for key, named in paths.items()}
        self._fetched.mkdir(exist_ok=True)
        missing = [key for key, file in files.items() if not holds(self._fetched / key, file)]
        if missing:
            download(missing, self._fetched)
        for key, named in paths.items():
            source = self._fetched / key
            if not holds(source, files[key]):
                source.unlink(missing_ok=True)
                raise Damaged(f"{key} is not what the checkpoint names ({files[key].sha256})")
            for path in named[1:]:
                shutil.copyfile(source, self._next / path)
            os.rename(source, self._next / named[0])

    def _sync(self) -> None:
        """Everything is on the disk before the marker says so."""
        for folder, _, names in os.walk(self._next):
            for name in names:
                if os.stat(file := Path(folder, name)).st_nlink == 1:
                    durable.sync_file(file)
            sync_folder(Path(folder))


def holds(path: Path, file: StoredFile) -> bool:
    try:
        if path.stat().st_size != file.size:
            return False
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, hashlib.sha256).hexdigest() == file.sha256
    except FileNotFoundError:
        return False


def check_paths(checkpoint: Checkpoint, component: str) -> None:
    """Raises Damaged for a path that is outside the memory."""
    for path in checkpoint.files:
        parts = path.split("/")
        if {"", ".", ".."} & set(parts) or not is_memory(parts[0], component):
            raise Damaged(
                f"{checkpoint.region}'s checkpoint {checkpoint.id} names {path!r}, which is in no memory"
            )
