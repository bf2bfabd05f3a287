"""What the volume holds, stored in the bucket file by file: what a checkpoint of it can name."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runtime.gate.bindings import Bindings
from runtime.gate.checkpoint import DATA, OBJECTS, Base, Checkpoint, StoredFile, is_write_once, table_of
from runtime.gate.store import Store
from runtime.gate.volume import GRAPH, Stat, Volume, is_manifest, parses_graph

TRIES = 5
"""So often a pass begins anew because tables lose files while it runs."""
_ASIDE_BYTES = 64 << 20
"""Copies that wait on the volume until they are sent."""
_TOGETHER = 2000
"""Files that are sent at a time."""
_READINGS = 3
_PLAIN = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._=-]*(?:/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)*")
"""Paths that may be keys; the content of any other file is stored under its hash."""


class Unsettled(OSError):
    """The volume changes in a way that no consistent copy can be made of; the next pass tries again."""


class _Moved(Exception):
    """A file of a table went, or a manifest changed, after the manifests were listed."""


@dataclass(kw_only=True)
class Bucket:
    """What the prefix holds, as far as this process knows; it alone writes there."""

    stored: dict[str, int]
    """Size in bytes by key, of what checkpoints may name."""
    newest: Checkpoint | None
    sent_bytes: int = 0


@dataclass(kw_only=True)
class _Sending:
    """Files on their way to the bucket."""

    files: dict[str, Path] = field(default_factory=dict)
    """By key."""
    sizes: dict[str, int] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)
    """Hash by path, of those that go to their own path."""
    aside: int = 0
    """Bytes of copies on the volume."""


class Contents:
    """One pass's reading of a volume whose memory stands on `base`.

    An object is never replaced by another: a write-once file goes to `data/<path>` only if nothing else can
    lie there (bindings.py), and everything else to its hash.
    """

    def __init__(
        self, volume: Volume, store: Store, bucket: Bucket, bindings: Bindings, base: Base | None
    ) -> None:
        self._volume = volume
        self._store = store
        self._bucket = bucket
        self._bindings = bindings
        self._base = base
        self._aside = volume.memory / "aside"
        newest = bucket.newest
        self._named: Mapping[str, StoredFile] = newest.files if newest else {}

    def store(self) -> dict[str, StoredFile]:
        """Send what the bucket lacks; where each file's content then is.

        Raises Unsettled, other OSErrors for the volume's sake, StoreError and Interrupted.
        """
        for _ in range(TRIES):
            shutil.rmtree(self._aside, ignore_errors=True)
            try:
                return self._try()
            except (_Moved, FileNotFoundError):
                continue
            finally:
                shutil.rmtree(self._aside, ignore_errors=True)
        raise Unsettled(f"tables under {self._volume.root} lost files during each of {TRIES} passes")

    def _try(self) -> dict[str, StoredFile]:
        """Raises _Moved or FileNotFoundError when what was listed is not what is there any more.

        What a manifest names was there before it. So a manifest that appears later is not named, as its files
        may be missing; and a file that goes after the listing may be one that a listed manifest needs.
        """
        before = self._volume.scan()
        manifests = {path: stat for path, stat in self._volume.scan().items() if is_manifest(path)}
        now = {path: stat for path, stat in self._volume.scan().items() if not is_manifest(path)}
        chosen = {**now, **manifests}
        sending, files = _Sending(), dict[str, StoredFile]()
        for path, stat in chosen.items():
            if file := self._file(path, stat, sending):
                files[path] = file
            if len(sending.files) >= _TOGETHER or sending.aside >= _ASIDE_BYTES:
                self._send(sending)
                sending = _Sending()
        self._send(sending)
        after = self._volume.scan()
        self._volume.save_hashes(after)
        if any(table_of(path) and path not in after for path in {**before, **now}):
            raise _Moved
        if any(after.get(path) != stat for path, stat in manifests.items()):
            raise _Moved
        return self._without_unfinished(files, chosen, after)

    def _file(self, path: str, stat: Stat, sending: _Sending) -> StoredFile | None:
        """Where the file's content is, or will be when `sending` is sent."""
        remembered = self._volume.remembered(path, stat)
        if is_write_once(path):
            return self._write_once(path, stat.size, remembered or self._volume.sha256(path), sending)
        if remembered and self._bucket.stored.get(f"{OBJECTS}/{remembered}") == stat.size:
            return StoredFile(key=f"{OBJECTS}/{remembered}", size=stat.size, sha256=remembered)
        return self._copied_aside(path, sending)

    def _write_once(self, path: str, size: int, sha256: str, sending: _Sending) -> StoredFile | None:
        key = self._key(path, size, sha256)
        if self._bucket.stored.get(key) != size:
            if key != f"{DATA}/{path}":
                return self._copied_aside(path, sending)
            sending.files[key], sending.sizes[key] = self._volume.root / path, size
            sending.bound[path] = sha256
        file, known = StoredFile(key=key, size=size, sha256=sha256), self._named.get(path)
        return known if known == file else file  # One in memory for both.

    def _key(self, path: str, size: int, sha256: str) -> str:
        """`data/<path>`, unless something else lies there or may lie there."""
        plain, hashed, stored = f"{DATA}/{path}", f"{OBJECTS}/{sha256}", self._bucket.stored
        if _PLAIN.fullmatch(path) is None or stored.get(hashed) == size:
            return hashed
        bound = self._bindings.of(path)
        if plain not in stored:
            return plain if bound in (None, sha256) else hashed
        named = self._named.get(path)
        if bound is None and named is not None and named.key == plain:
            bound = named.sha256
        return plain if bound == sha256 and stored[plain] == size else hashed

    def _copied_aside(self, path: str, sending: _Sending) -> StoredFile | None:
        """Copied, so that it cannot change while it is sent; a graph only when it parses."""
        graph = path.rpartition("/")[2] == GRAPH
        for _ in range(_READINGS):
            try:
                copy = self._volume.copy_aside(path, self._aside)
            except FileNotFoundError:
                if table_of(path):
                    raise
                return None
            good = not graph or parses_graph(copy.path)
            if good and copy.steady:
                break
        if not good or (graph and not copy.steady):
            return self._last_good(path)
        key = f"{OBJECTS}/{copy.sha256}"
        if self._bucket.stored.get(key) != copy.size:
            sending.files[key], sending.sizes[key] = copy.path, copy.size
            sending.aside += copy.size
        return StoredFile(key=key, size=copy.size, sha256=copy.sha256)

    def _last_good(self, path: str) -> StoredFile | None:
        """Of a graph that does not parse; None when none was ever stored.

        Raises Unsettled when the newest is another memory's: it must not be mixed into this one.
        """
        known, newest = self._named.get(path), self._bucket.newest
        if known is not None and newest is not None and newest.base != self._base:
            raise Unsettled(f"{path} does not parse, and no good one of this memory is stored yet")
        return known

    def _send(self, sending: _Sending) -> None:
        self._bindings.bind(sending.bound)
        self._store.upload(sending.files, self._volume.memory / "uploading")
        self._bucket.stored.update(sending.sizes)
        self._bucket.sent_bytes += sum(sending.sizes.values())
        shutil.rmtree(self._aside, ignore_errors=True)

    def _without_unfinished(
        self, files: Mapping[str, StoredFile], chosen: Mapping[str, Stat], after: Mapping[str, Stat]
    ) -> dict[str, StoredFile]:
        """Without write-once files that changed since they were listed: no listed manifest needs them yet.

        What was sent of them is unknown. One that the newest checkpoint names, and that did not just grow, is
        damaged; the next try sees how.
        """
        unfinished = {path for path in files if is_write_once(path) and after.get(path) != chosen[path]}
        self._bindings.taint(unfinished)
        if any(after[path].size <= chosen[path].size for path in unfinished & self._named.keys()):
            raise _Moved
        return {path: file for path, file in files.items() if path not in unfinished}
