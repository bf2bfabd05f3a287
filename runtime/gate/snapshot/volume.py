"""The active files on the volume: which files count, their sizes and hashes."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.snapshot.lance import table_of
from runtime.gate.storage.durable import LARGEST, write_atomically
from runtime.gate.storage.files import open_below, read_regular
from runtime.gate.storage.keys import DIVERGED
from runtime.gate.storage.rclone import Interrupted

GATE_FOLDER = ".gate"
"""The gate's own folder at the top of the volume."""
GRAPH = "graph.json"
BROKEN_MARK = ".broken-"
"""In the name of a damaged file that restore kept beside the good version: nobody wrote it."""
HASHES_FILE = "hashes.json"
LOST_AND_FOUND = "lost+found"
BRAIN = "brain"
BRAIN_OF_AGENT = "brain"
"""In an Agent's volume: the mount point of the Brain's, which has a gate of its own."""
LATEST_VERSION_HINT = "latest_version_hint.json"
"""Lance replaces it after each commit and does without it; it could name a version that was not listed."""
SETTLED_NS = 2_000_000_000
"""A file that was written less than this before it was hashed may change without a new mtime (clocks of file
systems tick every few milliseconds, of network file systems every second): its hash is not cached."""
CHUNK = 1 << 20
LARGEST_GRAPH = 64 << 20
"""Bytes of a `graph.json`: to parse it takes several times the memory."""
LONGEST_PATH = 2048
"""Bytes. The gate's own folders precede it when the file is restored, and Linux opens 4,096."""
DEEPEST = 200
"""Folders in a path. Python makes and removes folders by recursion."""


class Stat(NamedTuple):
    size: int
    mtime_ns: int
    inode: int


class Copied(NamedTuple):
    """A file that was copied to a temporary folder."""

    path: Path
    sha256: str
    size: int
    stable: bool
    """Whether the source did not change while it was read."""


class Volume:
    """The files under `root` that belong in a snapshot, of a `brain` or an `agent`.

    Not: symbolic links and special files, the application's locks (`is_lock`), the gate's own folders
    (top-level names with a leading dot, `diverged`), and in a Lance table the files that Lance is still
    writing (`.tmpXXXX`, later renamed; `<n>.manifest#1`, later linked) and its hint. A `*.tmp` of the
    application counts: nothing says that it holds no data.
    """

    def __init__(self, root: Path, component: str, interrupt: threading.Event | None = None) -> None:
        """`interrupt`: ends the reading of a file with Interrupted."""
        self.root = root
        self.gate_folder = root / GATE_FOLDER
        self._component = component
        self._interrupt = interrupt or threading.Event()
        self._hashes: dict[str, tuple[Stat, str]] | None = None
        self._unsaved = False
        self.unreadable: dict[str, str] = {}
        """Of the last scan: files and folders that no snapshot can hold, and why."""

    def scan(self) -> dict[str, Stat]:
        """All files that count, by path, without those that vanish meanwhile."""
        self.unreadable = {}
        return dict(self._files())

    def uncopied(self) -> list[str]:
        """What no snapshot holds though it is the application's: links, special files, and what cannot be
        read (a folder as a whole)."""
        self.unreadable = {}
        others = [
            path
            for path, entry in self._walk()
            if not (entry.is_file(follow_symlinks=False) and self.is_readable(path))
        ]
        return [*others, *self.unreadable]

    def is_readable(self, path: str) -> bool:
        return os.access(self.root / path, os.R_OK)

    def is_empty(self) -> bool:
        return next(self._files(), None) is None

    def free_bytes(self) -> int:
        about = os.statvfs(self.root)
        return about.f_bavail * about.f_frsize

    def stat(self, path: str) -> Stat | None:
        """None when the file is gone."""
        try:
            return _stat(os.stat(self.root / path, follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def sha256(self, path: str) -> str:
        """Cached while size, mtime and inode stay. Raises FileNotFoundError, other OSErrors, Interrupted."""
        with open_below(self.root, path) as file:
            before = _stat(os.fstat(file.fileno()))
            if known := self.cached_hash(path, before):
                return known
            hashed = hashlib.sha256()
            for chunk in self._chunks(file):
                hashed.update(chunk)
            digest = hashed.hexdigest()
            if _stat(os.fstat(file.fileno())) == before:
                self._cache(path, before, digest)
            return digest

    def copy_aside(self, path: str, folder: Path) -> Copied:
        """Copy a file into `folder`, where its hash becomes its name. Raises what `sha256` does."""
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / ".copying"
        digest = hashlib.sha256()
        with open_below(self.root, path) as source, temporary.open("wb") as target:
            before = _stat(os.fstat(source.fileno()))
            for chunk in self._chunks(source):
                digest.update(chunk)
                target.write(chunk)
            size = target.tell()
            stable = _stat(os.fstat(source.fileno())) == before and before.size == size
        if stable:
            self._cache(path, before, digest.hexdigest())
        copy = folder / digest.hexdigest()
        temporary.rename(copy)
        return Copied(copy, digest.hexdigest(), size, stable)

    def differs_from(self, checkpoint: Checkpoint | None, *, but_locks: bool = False) -> bool:
        """Whether the files are others than the checkpoint's (None: than none at all). `but_locks`: without
        the files that it may lack because of `was_lock`."""
        files = checkpoint.files if checkpoint else {}
        scanned = {
            path: stat
            for path, stat in self.scan().items()
            if path in files or not (BROKEN_MARK in path or (but_locks and was_lock(path)))
        }
        if scanned.keys() != files.keys() or any(
            scanned[path].size != file.size for path, file in files.items()
        ):
            return True
        try:
            return any(self.sha256(path) != file.sha256 for path, file in files.items())
        except OSError:
            return True

    def cached_hash(self, path: str, stat: Stat) -> str | None:
        """The hash of the file while it has this `stat`; None when the file has to be read."""
        known = self._known().get(path)
        return known[1] if known and known[0] == stat else None

    def check_interrupt(self) -> None:
        """Raises Interrupted when the gate is told to do something else."""
        if self._interrupt.is_set():
            raise Interrupted

    def save_hashes(self, scanned: Mapping[str, Stat]) -> None:
        """Save the cache, without files that `scanned` lacks."""
        if self._hashes is None or not (self._unsaved or self._hashes.keys() - scanned.keys()):
            return
        self._hashes = {path: known for path, known in self._hashes.items() if path in scanned}
        rows = ([path, *stat, digest] for path, (stat, digest) in self._hashes.items())
        text = "[" + ",\n".join(json.dumps(row) for row in rows) + "]\n"
        write_atomically(self.gate_folder / HASHES_FILE, text.encode())
        self._unsaved = False

    def _files(self) -> Iterator[tuple[str, Stat]]:
        for path, entry in self._walk():
            if entry.is_file(follow_symlinks=False):
                try:
                    yield path, _stat(entry.stat(follow_symlinks=False))
                except FileNotFoundError:
                    continue

    def _walk(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """All entries that count and are no folders. Adds to `unreadable`."""
        folders = [""]
        while folders:
            below = folders.pop()
            for entry in self._entries(below):
                path = f"{below}{entry.name}"
                if not self._counts(path):
                    continue
                if len(os.fsencode(path)) > LONGEST_PATH or path.count("/") > DEEPEST:
                    limit = f"{LONGEST_PATH} bytes or {DEEPEST} folders"
                    self.unreadable[path] = f"its path is longer than {limit}"
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(f"{path}/")
                else:
                    yield path, entry

    def _entries(self, below: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.root / below) as entries:
                return list(entries)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            if not below:
                raise
            self.unreadable[below.removesuffix("/")] = error.strerror or str(error)
            return []

    def _counts(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        if name == path:
            return is_active_file(name, self._component)
        if is_lock(path, self._component):
            return False
        return not ((name.startswith(".") or "#" in name or name == LATEST_VERSION_HINT) and table_of(path))

    def _chunks(self, file: FileIO) -> Iterator[bytes]:
        while chunk := file.read(CHUNK):
            self.check_interrupt()
            yield chunk

    def _known(self) -> dict[str, tuple[Stat, str]]:
        if self._hashes is None:
            try:
                rows = json.loads(read_regular(self.gate_folder / HASHES_FILE, limit=LARGEST))
                self._hashes = {path: (Stat(*stat), digest) for path, *stat, digest in rows}
            except (OSError, ValueError, TypeError):
                self._hashes = {}  # The files are read again.
        return self._hashes

    def _cache(self, path: str, stat: Stat, digest: str) -> None:
        if abs(time.time_ns() - stat.mtime_ns) > SETTLED_NS:
            self._known()[path] = (stat, digest)
            self._unsaved = True


def is_active_file(name: str, component: str) -> bool:
    """Whether an entry at the top of the volume belongs to the active files: uploaded, and moved by a
    swap."""
    excluded = {LOST_AND_FOUND, DIVERGED} | ({BRAIN_OF_AGENT} if component == "agent" else set())
    return not name.startswith(".") and name not in excluded


def is_lock(path: str, component: str) -> bool:
    """Whether it is a lock of the application: each company of a Brain has a file, and sometimes beside it
    and its graph the folder of Node.js' proper-lockfile."""
    company, _, below = path.partition("/")
    locks = f"episodic/locks/{company}.lock"
    return component == BRAIN and below in (locks, f"{locks}.lock", f"{GRAPH}.lock")


def was_lock(path: str) -> bool:
    """Whether earlier versions of this program took a file for a lock, so that no checkpoint names it."""
    return "locks" in path.split("/") or path.endswith(".lock")


def parses_graph(path: Path) -> bool:
    """Whether a `graph.json` is a JSON object."""
    try:
        return isinstance(json.loads(read_regular(path, limit=LARGEST_GRAPH)), dict)
    except (OSError, ValueError, RecursionError):
        return False


def _stat(stat: os.stat_result) -> Stat:
    return Stat(stat.st_size, stat.st_mtime_ns, stat.st_ino)
