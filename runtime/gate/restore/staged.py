"""The staged snapshot: downloaded beside the active files on the same volume, so that a swap needs no
network."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from runtime.gate.restore.space import bytes_to_set_aside
from runtime.gate.snapshot.checkpoint import Checkpoint, StoredFile, load_checkpoint, save_checkpoint
from runtime.gate.snapshot.lance import is_write_once
from runtime.gate.snapshot.volume import CHUNK, Volume, is_active_file
from runtime.gate.storage import durable
from runtime.gate.storage.durable import sync_folder
from runtime.gate.storage.files import open_below, remove

STAGED = ".standby"
NEXT = ".standby-next"
OLD = ".standby-old"
DOWNLOADS = ".standby-fetched"
MARKER = ".checkpoint.json"
"""In a complete staged snapshot: its checkpoint."""
SPARE_BYTES = 16 << 20
"""Must stay free on the volume for the application."""
MANY = 100
"""Files that are written to the disk together, and not one after another."""
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS)

Download = Callable[[Collection[str], Path], None]
"""Downloads keys of the checkpoint's writer below a folder."""


class Damaged(Exception):
    """A downloaded file is not what the checkpoint names, or the checkpoint names a path outside the active
    files."""


class StagedSnapshot:
    """The folder `.standby`. Built under another name, marked complete, then renamed; a build that was killed
    continues where it was."""

    def __init__(self, volume: Volume, component: str) -> None:
        self._volume = volume
        self._component = component
        root = volume.root
        self._written: list[Path] = []
        """By this build, and perhaps not on the disk yet."""
        self.folder = root / STAGED
        self._next, self._old, self._downloads = root / NEXT, root / OLD, root / DOWNLOADS

    def current(self) -> Checkpoint | None:
        """The checkpoint that is staged."""
        self.tidy()
        return load_checkpoint(self.folder / MARKER)

    def build(self, checkpoint: Checkpoint, download: Download) -> None:
        """Stage this checkpoint.

        Raises Damaged, the errors of `download`, and OSError; on a full disk it deletes what it wrote. The
        former staged snapshot stays in every case.
        """
        current = self.current()
        if current is not None and current.ref == checkpoint.ref:
            return
        check_paths(checkpoint, self._component)
        try:
            if self._next.is_symlink() or not self._next.is_dir():
                remove(self._next)
            remove(self._next / MARKER)
            self._drop_others(checkpoint)
            self._written = []
            wanted = self._reuse(checkpoint, current)
            self._check_space(
                sum(file.size for file in wanted.values()) + bytes_to_set_aside(checkpoint.files)
            )
            self._download(wanted, download)
            self._sync(checkpoint)
            save_checkpoint(self._next / MARKER, checkpoint)
        except OSError as error:
            if error.errno in durable.FULL:
                self.discard()
            raise
        self._publish()  # From here on nothing needs to be deleted on a full disk.

    def discard(self) -> None:
        """Delete an unfinished build."""
        with suppress(OSError):
            remove(self._next)
            remove(self._downloads)

    def remove(self) -> None:
        """Delete what is staged, too."""
        self.discard()
        remove(self._old)
        remove(self.folder)

    def tidy(self) -> None:
        """Finish a rename that was killed in the middle."""
        if not self.folder.exists() and (self._next / MARKER).exists():
            durable.move(self._next, self.folder)
        remove(self._old)
        if not self._next.exists():
            remove(self._downloads)

    def _publish(self) -> None:
        remove(self._old)
        if self.folder.exists():
            durable.move(self.folder, self._old)
        durable.move(self._next, self.folder)
        remove(self._old)
        remove(self._downloads)

    def _drop_others(self, checkpoint: Checkpoint) -> None:
        """Delete what this checkpoint does not name of an earlier build, and links, which lead elsewhere."""
        for folder, folders, names in os.walk(self._next, topdown=False):
            for name in (*names, *folders):
                file = Path(folder, name)
                named = file.relative_to(self._next).as_posix() in checkpoint.files
                if file.is_symlink() or (name in names and not named):
                    file.unlink()
            with suppress(OSError):
                os.rmdir(folder)
        self._next.mkdir(exist_ok=True)

    def _reuse(self, checkpoint: Checkpoint, current: Checkpoint | None) -> dict[str, StoredFile]:
        """Link or copy files that are on this volume already; return the others."""
        wanted = {}
        staged = current.files if current is not None else {}
        for folder in sorted({path.rpartition("/")[0] for path in checkpoint.files}):
            (self._next / folder).mkdir(parents=True, exist_ok=True)
        for path, file in checkpoint.files.items():
            target = f"{self._next}/{path}"
            if os.path.lexists(target):
                if self._matches(Path(target), file):
                    self._written.append(Path(target))
                    continue
                os.unlink(target)
            if staged.get(path) == file and self._link(f"{self.folder}/{path}", target, file):
                continue
            if not (self._is_active(path, file) and self._reuse_active(path, target, file)):
                wanted[path] = file
        return wanted

    def _is_active(self, path: str, file: StoredFile) -> bool:
        stat = self._volume.stat(path)
        if stat is None or stat.size != file.size:
            return False
        try:
            return (self._volume.cached_hash(path, stat) or self._volume.sha256(path)) == file.sha256
        except FileNotFoundError:
            return False

    def _reuse_active(self, path: str, target: str, file: StoredFile) -> bool:
        """Link a file that never changes, copy one that is rewritten in place."""
        source = f"{self._volume.root}/{path}"
        return (self._link if is_write_once(path) else self._copy)(source, target, file)

    def _link(self, source: str, target: str, file: StoredFile) -> bool:
        """A second name, or a copy where the file system has no links. False when the source is not the
        wanted file."""
        try:
            if os.stat(source, follow_symlinks=False).st_size != file.size:
                return False
            os.link(source, target)
            return True
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
        return self._copy(source, target, file)

    def _copy(self, source: str, target: str, file: StoredFile) -> bool:
        self._check_space(file.size)
        try:
            shutil.copyfile(source, target)
        except FileNotFoundError:
            return False
        if self._matches(Path(target), file):
            self._written.append(Path(target))
            return True
        os.unlink(target)
        return False

    def _matches(self, path: Path, file: StoredFile) -> bool:
        return matches(path, file, self._volume.check_interrupt)

    def _check_space(self, needed: int) -> None:
        """Before so many bytes are written."""
        free = self._volume.free_bytes()
        if needed + SPARE_BYTES > free:
            message = (
                f"the snapshot needs {needed + SPARE_BYTES} bytes, {free} are free: make the volume larger"
            )
            raise OSError(errno.ENOSPC, message, str(self._volume.root))

    def _download(self, wanted: dict[str, StoredFile], download: Download) -> None:
        paths: dict[str, list[str]] = {}
        for path, file in wanted.items():
            paths.setdefault(file.key, []).append(path)
        files = {key: wanted[named[0]] for key, named in paths.items()}
        self._downloads.mkdir(exist_ok=True)
        missing = [key for key, file in files.items() if not self._matches(self._downloads / key, file)]
        if missing:
            download(missing, self._downloads)
        for key, named in paths.items():
            source = self._downloads / key
            if not self._matches(source, files[key]):
                source.unlink(missing_ok=True)
                raise Damaged(f"{key} does not have the checkpoint's hash {files[key].sha256}")
            for path in named[1:]:
                shutil.copyfile(source, self._next / path)
            os.rename(source, self._next / named[0])
            self._written += (self._next / path for path in named)

    def _sync(self, checkpoint: Checkpoint) -> None:
        """All files are on the disk before the marker says so; their hashes need not be computed again."""
        if len(self._written) > MANY:
            durable.sync_file_system(self._next)
        else:
            for file in self._written:
                durable.sync_file(file)
            for folder, _, _ in os.walk(self._next):
                sync_folder(Path(folder))
        for file in self._written:
            path = file.relative_to(self._next).as_posix()
            self._volume.remember(path, file, checkpoint.files[path].sha256)


def matches(path: Path, file: StoredFile, check: Callable[[], None] = lambda: None) -> bool:
    """`check` is called all the time, and may raise."""
    try:
        digest = hashlib.sha256()
        with open_below(path.parent, path.name) as stream:
            if os.fstat(stream.fileno()).st_size != file.size:
                return False
            while chunk := stream.read(CHUNK):
                check()
                digest.update(chunk)
        return digest.hexdigest() == file.sha256
    except FileNotFoundError:
        return False


def check_paths(checkpoint: Checkpoint, component: str) -> None:
    """Raises Damaged for a path outside the active files."""
    for path in checkpoint.files:
        parts = path.split("/")
        if {"", ".", ".."} & set(parts) or not is_active_file(parts[0], component):
            name = f"{checkpoint.region}'s checkpoint {checkpoint.id}"
            raise Damaged(f"{name} names {path!r}, which is outside the active files")
