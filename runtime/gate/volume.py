"""The replicated volume as the gate sees it: which files count, and what is in them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from runtime.gate.checkpoint import DIVERGED, is_write_once, table_of
from runtime.gate.durable import write_atomically

GATE = ".gate"
"""The gate's own folder at the top of the volume."""
GRAPH = "graph.json"
HASHES_FILE = "hashes.json"
LOST_AND_FOUND = "lost+found"
BRAIN_OF_AGENT = "brain"
"""In an Agent's volume: the mount point of the Brain's, which has a gate of its own."""
LATEST_VERSION_HINT = "latest_version_hint.json"
"""Lance replaces it after each commit and does without it; a copy could name a version that wasn't listed."""
SETTLED_NS = 2_000_000_000
"""A file that was written less than this before it was hashed may change without its time showing it
(file systems' clocks tick every few milliseconds, a network's every second): its hash isn't remembered."""
CHUNK = 1 << 20


class Stat(NamedTuple):
    size: int
    mtime_ns: int
    inode: int


class Copied(NamedTuple):
    """A file that was copied aside."""

    path: Path
    sha256: str
    size: int
    steady: bool
    """Whether the source did not change while it was read."""


class Volume:
    """What is under `root` and belongs in a checkpoint, of a `brain` or an `agent`.

    Not: symbolic links and special files, locks, the gate's own folders (top-level names with a leading dot,
    `diverged`), and in a Lance table the files that Lance is still writing (`.tmpXXXX`, later renamed;
    `<n>.manifest#1`, later linked) and its hint. A `*.tmp` of the application is copied like any other file:
    nothing says that it holds no data.
    """

    def __init__(self, root: Path, component: str) -> None:
        self.root = root
        self.memory = root / GATE
        self._component = component
        self._hashes: dict[str, tuple[Stat, str]] | None = None
        self._unsaved = False

    def scan(self) -> dict[str, Stat]:
        """All files that count, by path. A file that goes while it is looked at is left out."""
        return dict(self._walk(self.root, ""))

    def empty(self) -> bool:
        return next(self._walk(self.root, ""), None) is None

    def stat(self, path: str) -> Stat | None:
        """None when there is no such file any more."""
        try:
            return _stat(os.stat(self.root / path, follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def sha256(self, path: str) -> str:
        """Of the file's content, remembered while size, time and inode stay. Raises FileNotFoundError."""
        with _open(self.root / path) as file:
            before = _stat(os.fstat(file.fileno()))
            if known := self.remembered(path, before):
                return known
            digest = hashlib.file_digest(file, hashlib.sha256).hexdigest()
            if _stat(os.fstat(file.fileno())) == before:
                self._remember(path, before, digest)
            return digest

    def copy_aside(self, path: str, folder: Path) -> Copied:
        """Copy a file into `folder`, where its hash becomes its name. Raises FileNotFoundError."""
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / ".copying"
        digest = hashlib.sha256()
        with _open(self.root / path) as source, beside.open("wb") as target:
            before = _stat(os.fstat(source.fileno()))
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                target.write(chunk)
            size = target.tell()
            steady = _stat(os.fstat(source.fileno())) == before and before.size == size
        if steady:
            self._remember(path, before, digest.hexdigest())
        copy = folder / digest.hexdigest()
        beside.rename(copy)
        return Copied(copy, digest.hexdigest(), size, steady)

    def remembered(self, path: str, stat: Stat) -> str | None:
        """The hash of the file while it is as `stat` says; None when only reading it would tell."""
        known = self._known().get(path)
        return known[1] if known and known[0] == stat else None

    def save_hashes(self, scanned: Mapping[str, Stat]) -> None:
        """Write the memory of hashes down, without what `scanned` lacks."""
        if self._hashes is None or not (self._unsaved or self._hashes.keys() - scanned.keys()):
            return
        self._hashes = {path: known for path, known in self._hashes.items() if path in scanned}
        rows = ([path, *stat, digest] for path, (stat, digest) in self._hashes.items())
        text = "[" + ",\n".join(json.dumps(row) for row in rows) + "]\n"
        write_atomically(self.memory / HASHES_FILE, text.encode())
        self._unsaved = False

    def _walk(self, folder: Path, below: str) -> Iterator[tuple[str, Stat]]:
        table = table_of(f"{below}file") is not None
        try:
            entries = os.scandir(folder)
        except FileNotFoundError:
            return
        with entries:
            for entry in entries:
                if not self._counts(entry.name, top=not below, table=table):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from self._walk(Path(entry.path), f"{below}{entry.name}/")
                elif entry.is_file(follow_symlinks=False):
                    try:
                        yield f"{below}{entry.name}", _stat(entry.stat(follow_symlinks=False))
                    except FileNotFoundError:
                        continue

    def _counts(self, name: str, *, top: bool, table: bool) -> bool:
        if name == "locks" or name.endswith(".lock"):
            return False
        if top:
            return is_memory(name, self._component)
        return not (table and (name.startswith(".") or "#" in name or name == LATEST_VERSION_HINT))

    def _known(self) -> dict[str, tuple[Stat, str]]:
        if self._hashes is None:
            try:
                rows = json.loads((self.memory / HASHES_FILE).read_bytes())
                self._hashes = {path: (Stat(*stat), digest) for path, *stat, digest in rows}
            except (FileNotFoundError, ValueError, TypeError):
                self._hashes = {}  # Nothing but time is lost: the files are read again.
        return self._hashes

    def _remember(self, path: str, stat: Stat, digest: str) -> None:
        if abs(time.time_ns() - stat.mtime_ns) > SETTLED_NS:
            self._known()[path] = (stat, digest)
            self._unsaved = True


def is_memory(name: str, component: str) -> bool:
    """Whether an entry at the top of the volume is part of the memory: copied, and moved by a swap."""
    aside = {LOST_AND_FOUND, DIVERGED} | ({BRAIN_OF_AGENT} if component == "agent" else set())
    return not name.startswith(".") and name not in aside


def parses_graph(path: Path) -> bool:
    """Whether a `graph.json` is one: a JSON object."""
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except ValueError:
        return False


def is_manifest(path: str) -> bool:
    """Whether the file says what a Lance table holds: the same checkpoint must have all that it names."""
    return table_of(path) is not None and not is_write_once(path)


def _stat(stat: os.stat_result) -> Stat:
    return Stat(stat.st_size, stat.st_mtime_ns, stat.st_ino)


def _open(path: Path) -> FileIO:
    """Raises FileNotFoundError, also when a link or a folder has taken the file's place."""
    try:
        return FileIO(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC))
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise FileNotFoundError(error.errno, "no regular file any more", str(path)) from error
        raise
