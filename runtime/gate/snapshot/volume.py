"""The active files on the volume: which files count, their sizes and hashes."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from runtime.gate.snapshot.checkpoint import Checkpoint, StoredFile
from runtime.gate.snapshot.lance import table_of
from runtime.gate.storage.durable import write_atomically
from runtime.gate.storage.files import open_below
from runtime.gate.storage.keys import DIVERGED

GATE_FOLDER = ".gate"
"""The gate's own folder at the top of the volume."""
GRAPH = "graph.json"
BROKEN_MARK = ".broken-"
"""In the name of a damaged file that restore kept beside the good version: nobody wrote it."""
HASHES_FILE = "hashes.json"
LOST_AND_FOUND = "lost+found"
BRAIN_OF_AGENT = "brain"
"""In an Agent's volume: the mount point of the Brain's, which has a gate of its own."""
LATEST_VERSION_HINT = "latest_version_hint.json"
"""Lance replaces it after each commit and does without it; it could name a version that was not listed."""
SETTLED_NS = 2_000_000_000
"""A file that was written less than this before it was hashed may change without a new mtime (clocks of file
systems tick every few milliseconds, of network file systems every second): its hash is not cached."""
OLD_ROWS = 1.5
"""With more saved rows than so many times the files, the cache is written anew; until then rows are added."""
CHUNK = 1 << 20


class Stat(NamedTuple):
    size: int
    mtime_ns: int
    inode: int


Hashes = Mapping[str, tuple[Stat, str]]
"""By path."""


class Copied(NamedTuple):
    """A file that was copied to a temporary folder."""

    path: Path
    sha256: str
    size: int
    stable: bool
    """Whether the source did not change while it was read."""


class Volume:
    """The files under `root` that belong in a snapshot, of a `brain` or an `agent`.

    Not: symbolic links and special files, locks, the gate's own folders (top-level names with a leading dot,
    `diverged`), and in a Lance table the files that Lance is still writing (`.tmpXXXX`, later renamed;
    `<n>.manifest#1`, later linked) and its hint. A `*.tmp` of the application counts: nothing says that it
    holds no data.
    """

    def __init__(self, root: Path, component: str, hashes: Hashes | None = None) -> None:
        """`hashes`: of the same files, where they were before; by default those that were saved here."""
        self.root = root
        self.gate_folder = root / GATE_FOLDER
        self._component = component
        self._hashes = None if hashes is None else dict(hashes)
        self._unsaved: dict[str, tuple[Stat, str]] = {}
        self._saved_rows = 0
        self._restored: dict[str, tuple[Stat, str]] = {}
        """Of files that were verified elsewhere on the volume, and may be moved here."""

    def scan(self) -> dict[str, Stat]:
        """All files that count, by path, without those that vanish meanwhile."""
        return dict(self.walk())

    def walk(self) -> Iterator[tuple[str, Stat]]:
        """As `scan`, one after another."""
        return self._walk(self.root, "")

    def is_empty(self) -> bool:
        return next(self._walk(self.root, ""), None) is None

    def stat(self, path: str) -> Stat | None:
        """None when the file is gone."""
        try:
            return _stat(os.stat(self.root / path, follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def sha256(self, path: str) -> str:
        """Cached while size, mtime and inode stay. Raises FileNotFoundError."""
        with open_below(self.root, path) as file:
            before = _stat(os.fstat(file.fileno()))
            if known := self.cached_hash(path, before):
                return known
            digest = hashlib.file_digest(file, hashlib.sha256).hexdigest()
            if _stat(os.fstat(file.fileno())) == before:
                self._cache(path, before, digest)
            return digest

    def copy_aside(self, path: str, folder: Path) -> Copied:
        """Copy a file into `folder`, where its hash becomes its name. Raises FileNotFoundError."""
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / ".copying"
        digest = hashlib.sha256()
        with open_below(self.root, path) as source, temporary.open("wb") as target:
            before = _stat(os.fstat(source.fileno()))
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                target.write(chunk)
            size = target.tell()
            stable = _stat(os.fstat(source.fileno())) == before and before.size == size
        if stable:
            self._cache(path, before, digest.hexdigest())
        copy = folder / digest.hexdigest()
        temporary.rename(copy)
        return Copied(copy, digest.hexdigest(), size, stable)

    def differs_from(self, checkpoint: Checkpoint | None) -> bool:
        """Whether the files are others than the checkpoint's (None: than none at all)."""
        files = checkpoint.files if checkpoint else {}
        unread = self._unread(files, lambda path: BROKEN_MARK not in path)
        if unread is None:
            return True
        try:
            return any(self.sha256(path) != files[path].sha256 for path in unread)
        except FileNotFoundError:
            return True

    def hashes(self) -> Hashes:
        """Those that are known now."""
        return dict(self._known())

    def is_known_as(self, files: Mapping[str, StoredFile]) -> bool:
        """Whether the files are these, as far as cached hashes tell: no file is read."""
        return self._unread(files, lambda path: True) == []

    def cached_hash(self, path: str, stat: Stat) -> str | None:
        """The hash of the file while it has this `stat`; None when the file has to be read."""
        known = self._known().get(path)
        if known and known[0] == stat:
            return known[1]
        known = self._restored.pop(path, None) if self._restored else None
        if known and known[0] == stat:
            self._cache(path, *known)
            return known[1]
        return None

    def remember(self, path: str, verified: Path, sha256: str) -> None:
        """A file with this hash will be moved to `path`: it need not be read again."""
        stat = _stat(os.stat(verified, follow_symlinks=False))
        known = self._known().get(path)
        if known is None or known[0] != stat:
            self._restored[path] = (stat, sha256)

    def save_hashes(self, scanned: Mapping[str, Stat]) -> None:
        """Save what is new in the cache, and forget files that `scanned` lacks."""
        hashes = self._known()
        gone = hashes.keys() - scanned.keys()
        for path in gone:
            del hashes[path]
        if not (self._unsaved or gone):
            return
        self._unsaved = {path: known for path, known in self._unsaved.items() if path in hashes}
        file = self.gate_folder / HASHES_FILE
        if not self._saved_rows or self._saved_rows + len(self._unsaved) > OLD_ROWS * len(hashes):
            write_atomically(file, _rows(hashes))
            self._saved_rows = len(hashes)
        else:
            with file.open("ab") as rows:
                rows.write(_rows(self._unsaved))
            self._saved_rows += len(self._unsaved)
        self._unsaved = {}

    def _unread(self, files: Mapping[str, StoredFile], counts: Callable[[str], bool]) -> list[str] | None:
        """Which files would have to be read to learn whether they are these; None when they are not."""
        known, unread, seen = self._known(), [], 0
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
                        # One text for each path and hash, however many lists have it: they are most memory.
                        yield sys.intern(f"{below}{entry.name}"), _stat(entry.stat(follow_symlinks=False))
                    except FileNotFoundError:
                        continue

    def _counts(self, name: str, *, top: bool, table: bool) -> bool:
        if name == "locks" or name.endswith(".lock"):
            return False
        if top:
            return is_active_file(name, self._component)
        return not (table and (name.startswith(".") or "#" in name or name == LATEST_VERSION_HINT))

    def _known(self) -> dict[str, tuple[Stat, str]]:
        if self._hashes is None:
            self._hashes = {}
            try:
                with (self.gate_folder / HASHES_FILE).open("rb") as rows:
                    self._saved_rows = sum(self._load(row) for row in rows)
            except FileNotFoundError:
                pass  # The files are read again.
        return self._hashes

    def _load(self, row: bytes) -> bool:
        """The previous version wrote the rows as one list. A row that is damaged means a file read again."""
        assert self._hashes is not None
        try:
            path, *stat, digest = json.loads(row.strip(b"[],\n").join((b"[", b"]")))
            self._hashes[sys.intern(path)] = (Stat(*stat), sys.intern(digest))
        except (ValueError, TypeError):
            return False
        return True

    def _cache(self, path: str, stat: Stat, digest: str) -> None:
        if abs(time.time_ns() - stat.mtime_ns) > SETTLED_NS:
            self._known()[path] = self._unsaved[path] = (stat, sys.intern(digest))


def _rows(hashes: Mapping[str, tuple[Stat, str]]) -> bytes:
    rows = (json.dumps([path, *stat, digest]) for path, (stat, digest) in hashes.items())
    return "".join(f"{row}\n" for row in rows).encode()


def is_active_file(name: str, component: str) -> bool:
    """Whether an entry at the top of the volume belongs to the active files: uploaded, and moved by a
    swap."""
    excluded = {LOST_AND_FOUND, DIVERGED} | ({BRAIN_OF_AGENT} if component == "agent" else set())
    return not name.startswith(".") and name not in excluded


def parses_graph(path: Path) -> bool:
    """Whether a `graph.json` is a JSON object."""
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except (ValueError, RecursionError):
        return False


def _stat(stat: os.stat_result) -> Stat:
    return Stat(stat.st_size, stat.st_mtime_ns, stat.st_ino)
