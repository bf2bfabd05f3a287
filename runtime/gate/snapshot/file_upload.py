"""Stores each file of the volume in the bucket, such that a checkpoint can name all of them consistently."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import NoReturn

from runtime.gate.snapshot.batch import Batch
from runtime.gate.snapshot.bindings import Bindings
from runtime.gate.snapshot.bucket_index import BucketIndex
from runtime.gate.snapshot.checkpoint import Checkpoint, CheckpointRef, StoredFile
from runtime.gate.snapshot.hashes import Stat
from runtime.gate.snapshot.lance import is_manifest, is_write_once, table_of
from runtime.gate.snapshot.volume import GRAPH, Volume, parses_graph
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.durable import FULL
from runtime.gate.storage.errors import ContentConflict
from runtime.gate.storage.files import clear, is_below
from runtime.gate.storage.keys import DATA, OBJECTS, is_collectable
from runtime.logs import log

TRIES = 5
"""How often a pass starts again because tables lose files while it runs."""
_READS = 3
_PLAIN = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._=-]*(?:/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)*")
"""Paths that may be keys; any other file is stored under its hash."""
_LONGEST_KEY = 850
"""Bytes of `data/<path>`: S3 takes 1,024, and region, namespace and component precede it."""
KEPT_FREE_BYTES = 16 << 20
"""On the volume, whatever is copied aside."""


class Unsettled(OSError):
    """The volume changes too fast for a consistent snapshot; the next pass tries again."""


class _Moved(Exception):
    """A file of a table vanished, or a manifest changed, after the manifests were listed."""


class FileUpload:
    """One pass over a volume whose active files were restored from `base`.

    An object is never replaced by another: a write-once file goes to `data/<path>` only if no other content
    can be there (`bindings.py`), and every other file to its hash.
    """

    def __init__(
        self,
        volume: Volume,
        store: Store,
        index: BucketIndex,
        bindings: Bindings,
        base: CheckpointRef | None,
    ) -> None:
        self._volume = volume
        self._store = store
        self._index = index
        self._bindings = bindings
        self._base = base
        self._copies = volume.gate_folder / "aside"
        self._named: Mapping[str, StoredFile] = index.newest.files if index.newest else {}
        self.failed: dict[str, str] = {}
        """Files and folders that could not be read in the last try, and why."""

    def run(self) -> Mapping[str, StoredFile]:
        """Upload what the bucket lacks; returns where the content of each file then is.

        Raises Unsettled, other OSErrors of the volume, StoreError and Interrupted.
        """
        newest = self._index.newest
        if newest is not None and self._is_stored(newest) and self._volume.is_known_as(newest.files):
            self.failed = dict(self._volume.unreadable)
            return newest.files
        for _ in range(TRIES):
            clear(self._copies)
            try:
                return self._try()
            except (_Moved, FileNotFoundError):
                continue
            finally:
                clear(self._copies)
        raise Unsettled(f"tables under {self._volume.root} lost files during each of {TRIES} passes")

    def _is_stored(self, checkpoint: Checkpoint) -> bool:
        stored = self._index.stored
        return all(stored.get(file.key) == file.size for file in checkpoint.files.values())

    def _try(self) -> dict[str, StoredFile]:
        """Raises _Moved or FileNotFoundError when the listing is out of date.

        What a manifest names existed before the manifest. So a manifest that appears after the listing is
        left out, as its files may be missing; and a file that vanishes after the listing may be needed by a
        listed manifest.
        """
        before = {path for path, _ in self._volume.walk() if table_of(path)}
        manifests = {path: stat for path, stat in self._volume.walk() if is_manifest(path)}
        listed = self._volume.scan()
        for path in [path for path in listed if is_manifest(path) and path not in manifests]:
            del listed[path]
        listed.update(manifests)
        batch, files = Batch(), dict[str, StoredFile]()
        self.failed = dict(self._volume.unreadable)
        for path, stat in listed.items():
            try:
                if file := self._file(path, stat, batch):
                    files[path] = file
            except FileNotFoundError:
                raise
            except OSError as error:
                if isinstance(error, Unsettled) or error.errno in FULL:
                    raise
                self.failed[path] = error.strerror or str(error)
            if batch.is_full:
                self._send(batch)
                batch.clear()
        self._send(batch)
        gone, changed = self._changed_since(listed)
        self._volume.save_hashes(listed)
        if (
            before - listed.keys()
            or any(table_of(path) for path in gone)
            or changed.keys() & manifests.keys()
        ):
            raise _Moved
        return self._with_last_good(self._without_unfinished(files, listed, changed))

    def _changed_since(self, listed: Mapping[str, Stat]) -> tuple[set[str], dict[str, Stat]]:
        """Files that vanished, and those that are others now."""
        gone, changed = set(listed), dict[str, Stat]()
        for path, stat in self._volume.walk():
            if path in gone:
                gone.discard(path)
                if stat != listed[path]:
                    changed[path] = stat
        return gone, changed

    def _with_last_good(self, files: dict[str, StoredFile]) -> dict[str, StoredFile]:
        """With the last uploaded version of what could not be read; of a table all or nothing is replaced.

        Without such a version the file, or the table, is left out.
        """
        bad = {table_of(f"{path}/") or path for path in self.failed}
        if not bad:
            return files
        newest = self._index.newest
        named = newest.files if newest is not None and newest.base == self._base else {}
        good = {path: file for path, file in files.items() if not is_below(path, bad)}
        return good | {path: file for path, file in named.items() if is_below(path, bad)}

    def _file(self, path: str, stat: Stat, batch: Batch) -> StoredFile | None:
        """Where the file's content is, or will be after the upload of `batch`."""
        cached = self._volume.cached_hash(path, stat)
        if is_write_once(path):
            return self._write_once(path, stat.size, cached or self._volume.sha256(path), batch)
        if cached and self._index.stored.get(f"{OBJECTS}/{cached}") == stat.size:
            return StoredFile(key=f"{OBJECTS}/{cached}", size=stat.size, sha256=cached)
        return self._copied(path, batch)

    def _write_once(self, path: str, size: int, sha256: str, batch: Batch) -> StoredFile | None:
        key = self._key(path, size, sha256)
        if self._index.stored.get(key) != size:
            if key != f"{DATA}/{path}":
                return self._copied(path, batch)
            batch.files[key], batch.sizes[key] = self._volume.root / path, size
            batch.bound[path] = sha256
        known = self._named.get(path)
        if known and (known.key, known.size, known.sha256) == (key, size, sha256):
            return known  # Saves memory: one object for both checkpoints.
        return StoredFile(key=sys.intern(key), size=size, sha256=sha256)

    def _key(self, path: str, size: int, sha256: str) -> str:
        """`data/<path>`, unless other content is or may be there."""
        plain, hashed, stored = f"{DATA}/{path}", f"{OBJECTS}/{sha256}", self._index.stored
        if _PLAIN.fullmatch(path) is None or stored.get(hashed) == size:
            return hashed
        if len(plain) > _LONGEST_KEY and plain not in stored:
            return hashed
        bound = self._bindings.of(path)
        if plain not in stored:
            return plain if bound in (None, sha256) else hashed
        named = self._named.get(path)
        if bound is None and named is not None and named.key == plain:
            bound = named.sha256
        return plain if bound == sha256 and stored[plain] == size else hashed

    def _copied(self, path: str, batch: Batch) -> StoredFile | None:
        """Copied first, so that the file cannot change during its upload; a graph only when it parses."""
        if (stat := self._volume.stat(path)) is not None:
            if stat.size > self._room():
                self._send(batch)
                batch.clear()
            if stat.size > self._room():
                return self._uncopied(path, stat, batch)
        graph = path.rpartition("/")[2] == GRAPH
        for _ in range(_READS):
            try:
                copy = self._volume.copy_aside(path, self._copies)
            except FileNotFoundError:
                if table_of(path):
                    raise
                return None
            good = not graph or parses_graph(copy.path)
            if good and copy.stable:
                break
        if not good or (graph and not copy.stable):
            return self._last_good(path)
        key = f"{OBJECTS}/{copy.sha256}"
        if self._index.stored.get(key) != copy.size:
            batch.files[key], batch.sizes[key] = copy.path, copy.size
            batch.copied_bytes += copy.size
        return StoredFile(key=key, size=copy.size, sha256=copy.sha256)

    def _room(self) -> int:
        """Bytes that may be copied aside, beside the application's own."""
        return self._volume.free_bytes() - KEPT_FREE_BYTES

    def _uncopied(self, path: str, stat: Stat, batch: Batch) -> StoredFile | None:
        """Uploaded from where it is, for lack of space; `_send` checks that it did not change."""
        sha256 = self._volume.sha256(path)
        if path.rpartition("/")[2] == GRAPH and not parses_graph(self._volume.root / path):
            return self._last_good(path)
        key = f"{OBJECTS}/{sha256}"
        if self._index.stored.get(key) != stat.size:
            batch.files[key], batch.sizes[key] = self._volume.root / path, stat.size
            batch.direct[path] = key, stat
        return StoredFile(key=key, size=stat.size, sha256=sha256)

    def _last_good(self, path: str) -> StoredFile | None:
        """Of a graph that does not parse; None when no good version was ever uploaded.

        Raises Unsettled when the newest checkpoint has another base: its graph must not be mixed in.
        """
        known, newest = self._named.get(path), self._index.newest
        if known is not None and newest is not None and newest.base != self._base:
            raise Unsettled(f"{path} does not parse, and no good version was uploaded since the last swap")
        return known

    def _send(self, batch: Batch) -> None:
        self._bindings.bind(batch.bound)
        try:
            self._store.upload(batch.files, self._volume.gate_folder / "uploading", root=self._volume.root)
        except ContentConflict as conflict:
            self._resolve_conflict(conflict)
        self._index.stored.update(batch.sizes)
        self._index.sent_bytes += sum(batch.sizes.values())
        for path, (key, stat) in batch.direct.items():
            if self._volume.stat(path) != stat:
                del self._index.stored[key]
                self._store.delete([key])
                self.failed[path] = "it changes while it is uploaded, and there is no space for a copy"
        clear(self._copies)

    def _resolve_conflict(self, conflict: ContentConflict) -> NoReturn:
        """The file of a `data/` key goes to its hash from now on. What is stored under another's hash is
        damaged: it gets a delete marker, and the file is uploaded again. Raises _Moved."""
        log("objects-damaged", level="error", at=str(self._store), error=str(conflict))
        damaged = {key for key in conflict.keys if key.startswith(f"{OBJECTS}/")}
        self._store.delete(damaged)
        self._bindings.mark_unknown({key.removeprefix(f"{DATA}/") for key in conflict.keys - damaged})
        self._index.replaced.extend(sorted(damaged))
        self._index.stored = {key: size for key, size in self._store.list().items() if is_collectable(key)}
        raise _Moved

    def _without_unfinished(
        self, files: dict[str, StoredFile], listed: Mapping[str, Stat], changed: Mapping[str, Stat]
    ) -> dict[str, StoredFile]:
        """Without write-once files that changed since they were listed: no listed manifest needs them yet.

        Their uploaded content is unknown. A changed file that the newest checkpoint names, and that did not
        just grow, is damaged; the next try decides.
        """
        unfinished = {path for path in changed if path in files and is_write_once(path)}
        self._bindings.mark_unknown(unfinished)
        if any(changed[path].size <= listed[path].size for path in unfinished & self._named.keys()):
            raise _Moved
        for path in unfinished:
            del files[path]
        return files
