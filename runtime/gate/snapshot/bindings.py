"""The content of each `data/` key: a key is bound to one content and never gets another."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from io import BufferedWriter
from pathlib import Path

from runtime.gate.snapshot.hashes import LONGEST_ROW
from runtime.gate.storage.durable import LARGEST, write_atomically
from runtime.gate.storage.files import append_regular, read_regular

BINDINGS_FILE = "bound"
_UNKNOWN = ""


class Bindings:
    """Hashes of the files that were, or were about to be, uploaded to their own path: lines `[path, sha256]`.

    Written and synced before an upload. A key in the bucket holds the bound content, unless the file changed
    during its upload; then the file has another hash from then on, as write-once files only grow.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / BINDINGS_FILE
        self._known: dict[str, str] | None = None

    def of(self, path: str) -> str | None:
        return self._load().get(path)

    def bind(self, hashes: Mapping[str, str]) -> None:
        """Paths that are bound already stay as they are."""
        self._append({path: sha256 for path, sha256 in hashes.items() if path not in self._load()})

    def mark_unknown(self, paths: Collection[str]) -> None:
        """The content of these keys is unknown from now on."""
        self._append(dict.fromkeys(paths, _UNKNOWN))

    def keep(self, paths: Collection[str]) -> None:
        """Forget all other paths: neither the volume nor the bucket has them."""
        known = self._load()
        if known.keys() - paths:
            self._known = {path: sha256 for path, sha256 in known.items() if path in paths}
            write_atomically(self._file, _lines(self._known))

    def _append(self, rows: Mapping[str, str]) -> None:
        if not rows:
            return
        known = self._load()
        known.update(rows)
        try:
            with BufferedWriter(append_regular(self._file)) as file:
                file.write(_lines(rows))
                file.flush()
                os.fsync(file.fileno())
        except FileNotFoundError:
            write_atomically(self._file, _lines(known))

    def _load(self) -> dict[str, str]:
        if self._known is None:
            self._known = {}
            lines = self._read().split(b"\n")
            for line in lines[:-1]:  # The last line is empty or incomplete.
                with suppress(ValueError, TypeError, RecursionError):
                    path, sha256 = json.loads(line[:LONGEST_ROW])
                    self._known[sys.intern(path)] = sys.intern(sha256)
            if lines[-1]:
                write_atomically(self._file, _lines(self._known))
        return self._known

    def _read(self) -> bytes:
        """Without the file, each key that the bucket has counts as one of unknown content."""
        with suppress(OSError):
            return read_regular(self._file, limit=LARGEST)
        return b""


def _lines(rows: Mapping[str, str]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows.items()).encode()
