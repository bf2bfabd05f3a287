"""The active files on the volume: which files count, their sizes and hashes."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from runtime.gate.snapshot.checkpoint import Checkpoint, StoredFile
from runtime.gate.snapshot.hashes import HashCache, Hashes, Stat, stat_of
from runtime.gate.snapshot.lance import table_of
from runtime.gate.storage.files import open_below, read_regular
from runtime.gate.storage.keys import DIVERGED
from runtime.gate.storage.rclone import Interrupted

GATE_FOLDER = ".gate"
"""The gate's own folder at the top of the volume."""
GRAPH = "graph.json"
BROKEN_MARK = ".broken-"
"""In the name of a damaged file that restore kept beside the good version: nobody wrote it."""
HASHES_FILE = "hashes.json"
LOCK_SUFFIX = ".lock"
LOST_AND_FOUND = "lost+found"
BRAIN = "brain"
BRAIN_OF_AGENT = "brain"
"""In an Agent's volume: the mount point of the Brain's, which has a gate of its own."""
LATEST_VERSION_HINT = "latest_version_hint.json"
"""Lance replaces it after each commit and does without it; it could name a version that was not listed."""
CHUNK = 1 << 20
LARGEST_GRAPH = 64 << 20
"""Bytes of a `graph.json`: to parse it takes several times the memory."""
LONGEST_PATH = 2048
"""Bytes. The gate's own folders precede it when the file is restored, and Linux opens 4,096."""
DEEPEST = 200
"""Folders in a path. Python makes and removes folders by recursion."""


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

    def __init__(
        self,
        root: Path,
        component: str,
        interrupt: threading.Event | None = None,
        *,
        hashes: Hashes | None = None,
    ) -> None:
        """`interrupt`: ends the reading of a file with Interrupted. `hashes`: of the same files, where they
        were before; by default those that were saved here."""
        self.root = root
        self.gate_folder = root / GATE_FOLDER
        self._component = component
        self._interrupt = interrupt or threading.Event()
        self._hashes = HashCache(self.gate_folder / HASHES_FILE, hashes)
        self.unreadable: dict[str, str] = {}
        """Of the last walk: files and folders that no snapshot can hold, and why."""

    def scan(self) -> dict[str, Stat]:
        """All files that count, by path, without those that vanish meanwhile."""
        return dict(self.walk())

    def walk(self) -> Iterator[tuple[str, Stat]]:
        """As `scan`, one after another."""
        for path, entry in self._walk():
            if entry.is_file(follow_symlinks=False):
                try:
                    # One text for each path, however many lists have it: they are most memory.
                    yield sys.intern(path), stat_of(entry.stat(follow_symlinks=False))
                except FileNotFoundError:
                    continue

    def uncopied(self) -> list[str]:
        """What no snapshot holds though it is the application's: links, special files, and what cannot be
        read (a folder as a whole)."""
        others = [
            path
            for path, entry in self._walk()
            if not (entry.is_file(follow_symlinks=False) and self.is_readable(path))
        ]
        return [*others, *self.unreadable]

    def is_readable(self, path: str) -> bool:
        return os.access(self.root / path, os.R_OK)

    def is_empty(self) -> bool:
        return next(self.walk(), None) is None

    def free_bytes(self) -> int:
        about = os.statvfs(self.root)
        return about.f_bavail * about.f_frsize

    def stat(self, path: str) -> Stat | None:
        """None when the file is gone."""
        try:
            return stat_of(os.stat(self.root / path, follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def sha256(self, path: str) -> str:
        """Cached while size, mtime and inode stay. Raises FileNotFoundError, other OSErrors, Interrupted."""
        with open_below(self.root, path) as file:
            before = stat_of(os.fstat(file.fileno()))
            if known := self.cached_hash(path, before):
                return known
            hashed = hashlib.sha256()
            for chunk in self._chunks(file):
                hashed.update(chunk)
            digest = hashed.hexdigest()
            if stat_of(os.fstat(file.fileno())) == before:
                self._hashes.put(path, before, digest)
            return digest

    def copy_aside(self, path: str, folder: Path) -> Copied:
        """Copy a file into `folder`, where its hash becomes its name. Raises what `sha256` does."""
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / ".copying"
        digest = hashlib.sha256()
        with open_below(self.root, path) as source, temporary.open("wb") as target:
            before = stat_of(os.fstat(source.fileno()))
            for chunk in self._chunks(source):
                digest.update(chunk)
                target.write(chunk)
            size = target.tell()
            stable = stat_of(os.fstat(source.fileno())) == before and before.size == size
        if stable:
            self._hashes.put(path, before, digest.hexdigest())
        copy = folder / digest.hexdigest()
        temporary.rename(copy)
        return Copied(copy, digest.hexdigest(), size, stable)

    def differs_from(self, checkpoint: Checkpoint | None, *, but_locks: bool = False) -> bool:
        """Whether the files are others than the checkpoint's (None: than none at all). `but_locks`: without
        the files that it may lack because of `was_lock`."""
        files = checkpoint.files if checkpoint else {}
        unread = self._unread(
            files,
            lambda path: path in files or not (BROKEN_MARK in path or (but_locks and was_lock(path))),
        )
        if unread is None:
            return True
        try:
            return any(self.sha256(path) != files[path].sha256 for path in unread)
        except OSError:
            return True

    def hashes(self) -> Hashes:
        """Those that are known now."""
        return dict(self._hashes.known)

    def is_known_as(self, files: Mapping[str, StoredFile]) -> bool:
        """Whether the files are these, as far as cached hashes tell: no file is read."""
        return self._unread(files, lambda path: True) == []

    def cached_hash(self, path: str, stat: Stat) -> str | None:
        """The hash of the file while it has this `stat`; None when the file has to be read."""
        return self._hashes.get(path, stat)

    def remember(self, path: str, verified: Path, sha256: str) -> None:
        """A file with this hash will be moved to `path`: it need not be read again."""
        self._hashes.remember(path, stat_of(os.stat(verified, follow_symlinks=False)), sha256)

    def check_interrupt(self) -> None:
        """Raises Interrupted when the gate is told to do something else."""
        if self._interrupt.is_set():
            raise Interrupted

    def save_hashes(self, scanned: Mapping[str, Stat]) -> None:
        """Of these files; others are forgotten."""
        self._hashes.save(scanned)

    def _unread(self, files: Mapping[str, StoredFile], counts: Callable[[str], bool]) -> list[str] | None:
        """Which files would have to be read to learn whether they are these; None when they are not."""
        known, unread, seen = self._hashes.known, [], 0
        for path, stat in self.walk():
            if not counts(path):
                continue
            file, cached = files.get(path), known.get(path)
            if file is None or file.size != stat[0]:
                return None
            seen += 1
            digest = cached[1] if cached and cached[0] == stat else self.cached_hash(path, stat)
            if digest is None:
                unread.append(path)
            elif digest != file.sha256:
                return None
        return unread if seen == len(files) else None

    def _walk(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """All entries that count and are no folders. Adds to `unreadable`, which is empty first."""
        self.unreadable = {}
        folders = [""]
        while folders:
            below = folders.pop()
            in_table = table_of(f"{below}file") is not None
            for entry in self._entries(below):
                path = f"{below}{entry.name}"
                if not self._counts(path, entry.name, in_table=in_table):
                    continue
                if len(path) > DEEPEST and _is_too_long(path):
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

    def _counts(self, path: str, name: str, *, in_table: bool) -> bool:
        if name == path:
            return is_active_file(name, self._component)
        if name.endswith(LOCK_SUFFIX) and is_lock(path, self._component):
            return False
        return not (in_table and (name.startswith(".") or "#" in name or name == LATEST_VERSION_HINT))

    def _chunks(self, file: FileIO) -> Iterator[bytes]:
        while chunk := file.read(CHUNK):
            self.check_interrupt()
            yield chunk


def is_active_file(name: str, component: str) -> bool:
    """Whether an entry at the top of the volume belongs to the active files: uploaded, and moved by a
    swap."""
    excluded = {LOST_AND_FOUND, DIVERGED} | ({BRAIN_OF_AGENT} if component == "agent" else set())
    return not name.startswith(".") and name not in excluded


def _is_too_long(path: str) -> bool:
    return len(os.fsencode(path)) > LONGEST_PATH or path.count("/") > DEEPEST


def is_lock(path: str, component: str) -> bool:
    """Whether it is a lock of the application: each company of a Brain has a file, and sometimes beside it
    and its graph the folder of Node.js' proper-lockfile."""
    company, _, below = path.partition("/")
    locks = f"episodic/locks/{company}{LOCK_SUFFIX}"
    return component == BRAIN and below in (locks, f"{locks}{LOCK_SUFFIX}", f"{GRAPH}{LOCK_SUFFIX}")


def was_lock(path: str) -> bool:
    """Whether earlier versions of this program took a file for a lock, so that no checkpoint names it."""
    return "locks" in path.split("/") or path.endswith(LOCK_SUFFIX)


def parses_graph(path: Path) -> bool:
    """Whether a `graph.json` is a JSON object."""
    try:
        return isinstance(json.loads(read_regular(path, limit=LARGEST_GRAPH)), dict)
    except (OSError, ValueError, RecursionError):
        return False
