"""Hashes of the active files, which stay known while a file's size, time and inode do."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable, Mapping
from functools import partial
from io import BufferedReader, BufferedWriter
from os import fstat, stat_result
from pathlib import Path
from typing import NamedTuple

from runtime.gate.storage.durable import FULL, LARGEST, write_atomically
from runtime.gate.storage.files import append_regular, open_below

SETTLED_NS = 2_000_000_000
"""A file that was written less than this before it was hashed may change without a new mtime (clocks of file
systems tick every few milliseconds, of network file systems every second): its hash is not cached."""
OLD_ROWS = 1.5
"""With more saved rows than so many times the files, the cache is written anew; until then rows are added."""
LONGEST_ROW = 64 << 10
"""Bytes."""
SHA256 = re.compile(r"[0-9a-f]{64}")


class Stat(NamedTuple):
    size: int
    mtime_ns: int
    inode: int


Hashes = Mapping[str, tuple[Stat, str]]
"""By path."""


def stat_of(stat: stat_result) -> Stat:
    return Stat(stat.st_size, stat.st_mtime_ns, stat.st_ino)


class HashCache:
    def __init__(self, file: Path, hashes: Hashes | None = None) -> None:
        """`hashes`: of the same files, where they were before; by default those that were saved in `file`."""
        self._file = file
        self._hashes = None if hashes is None else dict(hashes)
        self._unsaved: dict[str, tuple[Stat, str]] = {}
        self._saved_rows = 0
        """0: the file is written anew."""
        self._restored: dict[str, tuple[Stat, str]] = {}
        """Of files that were verified elsewhere on the volume, and may be moved here."""

    @property
    def known(self) -> dict[str, tuple[Stat, str]]:
        if self._hashes is None:
            self._hashes = {}
            try:
                with BufferedReader(open_below(self._file.parent, self._file.name)) as file:
                    if fstat(file.fileno()).st_size <= LARGEST:
                        rows = iter(partial(file.readline, LONGEST_ROW), b"")
                        self._saved_rows = sum(_load(row, self._hashes) for row in rows)
            except OSError:
                pass  # The files are read again.
        return self._hashes

    def get(self, path: str, stat: Stat) -> str | None:
        """The hash of the file while it has this `stat`; None when the file has to be read."""
        known = self.known.get(path)
        if known and known[0] == stat:
            return known[1]
        known = self._restored.pop(path, None) if self._restored else None
        if known and known[0] == stat:
            self.put(path, *known)
            return known[1]
        return None

    def put(self, path: str, stat: Stat, digest: str) -> None:
        if abs(time.time_ns() - stat.mtime_ns) > SETTLED_NS:
            self.known[path] = self._unsaved[path] = (stat, sys.intern(digest))

    def remember(self, path: str, stat: Stat, digest: str) -> None:
        """A file with this hash, which was verified, will be moved to `path`: it need not be read again."""
        known = self.known.get(path)
        if known is None or known[0] != stat:
            self._restored[path] = (stat, digest)

    def save(self, paths: Iterable[str]) -> None:
        """Save what is new, and forget all files but these. On a full volume they are read again instead."""
        hashes = self.known
        gone = hashes.keys() - paths
        for path in gone:
            del hashes[path]
        if not (self._unsaved or gone):
            return
        self._unsaved = {path: known for path, known in self._unsaved.items() if path in hashes}
        try:
            self._write(hashes)
        except OSError as error:
            self._saved_rows = 0
            if error.errno not in FULL:
                raise
        self._unsaved = {}

    def _write(self, hashes: Hashes) -> None:
        if self._saved_rows and self._saved_rows + len(self._unsaved) <= OLD_ROWS * len(hashes):
            try:
                with BufferedWriter(append_regular(self._file)) as file:
                    file.write(_rows(self._unsaved))
                self._saved_rows += len(self._unsaved)
                return
            except FileNotFoundError:
                pass
        write_atomically(self._file, _rows(hashes))
        self._saved_rows = len(hashes)


def _load(row: bytes, into: dict[str, tuple[Stat, str]]) -> bool:
    """The previous version wrote the rows as one list. A row that is damaged means a file read again."""
    try:
        path, *stat, digest = json.loads(row.strip(b"[],\n").join((b"[", b"]")))
        if SHA256.fullmatch(digest) is None:
            return False
        into[sys.intern(path)] = (Stat(*stat), sys.intern(digest))
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _rows(hashes: Hashes) -> bytes:
    rows = (json.dumps([path, *stat, digest]) for path, (stat, digest) in hashes.items())
    return "".join(f"{row}\n" for row in rows).encode()
