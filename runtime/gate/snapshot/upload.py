"""One upload pass: changed files go to the bucket, then a checkpoint that names all files."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from runtime.contracts.gate import GateConfig, Retention
from runtime.gate.snapshot import loss_guard
from runtime.gate.snapshot.bindings import Bindings
from runtime.gate.snapshot.checkpoint import (
    RESTORED,
    Checkpoint,
    CheckpointRef,
    StoredFile,
    load_checkpoint,
)
from runtime.gate.snapshot.checkpoint_changes import read_checkpoint
from runtime.gate.snapshot.checkpoint_forms import CheckpointForms
from runtime.gate.snapshot.checkpoint_index import publish
from runtime.gate.snapshot.collector import Collector
from runtime.gate.snapshot.file_upload import BucketIndex, FileUpload
from runtime.gate.snapshot.retention import HOUR_MS
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.bucket import Store, StoreError, Stores
from runtime.gate.storage.files import read_below
from runtime.gate.storage.keys import (
    ANNOUNCEMENT,
    DATA,
    INDEX,
    REQUESTS,
    CheckpointId,
    CheckpointName,
    checkpoint_names,
    is_collectable,
)
from runtime.gate.storage.rclone import Interrupted
from runtime.logs import log

LIST_MS = 6 * HOUR_MS
"""Between two listings of the prefix: nobody else may write or delete there, and nothing else would tell."""
LARGEST_MANIFEST = 256 << 20
"""Bytes that the loss guard reads of a table's newest manifest."""


@dataclass(frozen=True, kw_only=True)
class UploadResult:
    checkpoint: Checkpoint | None
    """Written by this pass; None when nothing had changed."""
    newest: Checkpoint | None
    """Of this writer in the bucket, after the pass."""
    changed: bool
    guarded: str | None
    """Why the loss guard allowed no checkpoint."""
    started: float
    """Seconds since the epoch."""
    uploaded_bytes: int
    stored: tuple[CheckpointName, bytes] | None = None
    """The name and the content of `checkpoint` in the bucket."""
    uncollected: str | None = None
    """Why old objects could not be deleted, the last time that was tried. The upload itself succeeded."""


class UploadPass(Protocol):
    def run(self, *, generation: int, base: CheckpointRef | None, last: bool = False) -> UploadResult: ...


class Uploader:
    """Uploads a volume to its region's own prefix in the region's own bucket. Only one at a time may write.

    The bucket is listed in the first pass and after a failed pass; otherwise its index is remembered.
    """

    def __init__(
        self,
        volume: Volume,
        store: Store,
        *,
        region: str,
        retention: Retention,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.retention = retention
        self._volume = volume
        self._region = region
        self._clock = clock
        self._bindings = Bindings(volume.gate_folder)
        self._collector = Collector(volume.gate_folder)
        self._forms = CheckpointForms(clock)
        self._index: BucketIndex | None = None
        self._found: tuple[bool, bool] | None = None
        """Whether the last listing had an index and an announcement; None once the index was checked."""
        self._uncollected: str | None = None

    def run(self, *, generation: int, base: CheckpointRef | None, last: bool = False) -> UploadResult:
        """Make the bucket hold what the volume holds.

        `generation`: of a new checkpoint; it is never below that of the newest, so that a writer's ids sort
        by age. `last`: another gate continues with the newest checkpoint, perhaps one of the previous
        version. Raises StoreError, Interrupted, and OSError when the volume fails.
        """
        started = self._clock()
        try:
            index = self._index = self._index or self._list()
            index.sent_bytes = 0
            files = FileUpload(self._volume, self.store, index, self._bindings, base).run()
            guarded = self._guarded(index, base, files)
            stored = None if guarded else self._write_checkpoint(index, generation, base, files)
            if last and index.newest is not None and index.newest.since is not None:
                whole = self._forms.whole(index.newest)
                self._put_checkpoint(index, *whole)
                index.newest, stored = replace(index.newest, since=None), whole if stored else None
            self._check_index(index)
            if not guarded:
                self._collect(index)
        except BaseException:
            self._index = None
            raise
        return UploadResult(
            checkpoint=index.newest if stored else None,
            newest=index.newest,
            stored=stored,
            changed=stored is not None,
            guarded=guarded,
            started=started,
            uploaded_bytes=index.sent_bytes,
            uncollected=self._uncollected,
        )

    def _list(self) -> BucketIndex:
        stored = self.store.list()
        names = checkpoint_names(stored)
        index = BucketIndex(
            stored={key: size for key, size in stored.items() if is_collectable(key)},
            names=names,
            newest=self._newest(list(names.values())),
            listed=int(self._clock() * 1000),
        )
        self._found = INDEX in stored, ANNOUNCEMENT in stored
        return index

    def _newest(self, names: Sequence[CheckpointName]) -> Checkpoint | None:
        """The newest that can be read: a damaged one must not end all uploads."""
        for name in reversed(names):
            try:
                return read_checkpoint(name, self.store.read)
            except ValueError as error:
                log("checkpoint-damaged", level="warning", at=f"{self.store}/{name.key}", error=str(error))
        return None

    def _guarded(
        self, index: BucketIndex, base: CheckpointRef | None, files: Mapping[str, StoredFile]
    ) -> str | None:
        newest = before = index.newest
        if newest is not None and files is newest.files and newest.base == base:
            return None
        if newest is not None and newest.base != base:
            # Other files are active since that upload: compare with what they were restored from.
            before = load_checkpoint(self._volume.gate_folder / RESTORED)
        reason = loss_guard.loss(before, files, self._read)
        if reason is None or newest is None:
            return reason
        requested = loss_guard.ACCEPT_SHRINK in self.store.list(REQUESTS)
        if requested and loss_guard.accepts(self.store.read(loss_guard.ACCEPT_SHRINK), newest):
            log("loss-accepted", level="warning", reason=reason, checkpoint=str(newest.id))
            return None
        return f"{reason}. Nothing is deleted and no checkpoint is written; the newest is {newest.id}"

    def _read(self, path: str) -> bytes:
        """A manifest."""
        return read_below(self._volume.root, path, limit=LARGEST_MANIFEST)

    def _write_checkpoint(
        self,
        index: BucketIndex,
        generation: int,
        base: CheckpointRef | None,
        files: Mapping[str, StoredFile],
    ) -> tuple[CheckpointName, bytes] | None:
        """Its name and content; None when nothing has changed."""
        newest = index.newest
        if newest is None and not files:
            return None
        if newest is not None:
            generation = max(generation, newest.id.generation)
            if newest.files == files and newest.base == base and newest.id.generation == generation:
                return None
        at = max(int(self._clock() * 1000), newest.id.at + 1 if newest else 0)
        id = CheckpointId(generation=generation, at=at)
        checkpoint = Checkpoint(region=self._region, id=id, base=base, files=files)
        name, content = self._forms.of(checkpoint, newest)
        self._put_checkpoint(index, name, content)
        index.newest = replace(checkpoint, since=name.since)
        return name, content

    def _check_index(self, index: BucketIndex) -> None:
        """After a listing: an index that is missing or wrong is written anew."""
        if self._found is not None:
            exists, serving = self._found
            publish(self.store, names=index.names, serving=serving, exists=exists)
            self._found = None

    def _put_checkpoint(self, index: BucketIndex, name: CheckpointName, content: bytes) -> None:
        self.store.put(name.key, content)
        index.names[name.id] = name
        if self._found is None:
            publish(self.store, names=index.names)

    def _collect(self, index: BucketIndex) -> None:
        """At most once an hour. A failure is reported in the result; the upload is good all the same."""
        now = int(self._clock() * 1000)
        if index.newest is None or not self._collector.is_due(now):
            return
        try:
            if not 0 <= now - index.listed < LIST_MS:
                index.relist(self.store.list(), now)
            deleted = self._collector.run(
                self.store, index.stored, index.names, index.newest, self.retention, now
            )
            index.forget(deleted)
            if deleted:
                publish(self.store, names=index.names)
            self._bindings.keep(self._paths(index.stored))
            self._uncollected = None
        except Interrupted:
            self._index = None  # Some objects may be deleted.
        except StoreError as error:
            self._index, self._uncollected = None, str(error)

    def _paths(self, stored: Collection[str]) -> set[str]:
        """Of files on the volume or in the bucket."""
        kept = {key.removeprefix(f"{DATA}/") for key in stored if key.startswith(f"{DATA}/")}
        return kept | self._volume.scan().keys()


class Uploaders:
    """The Uploader of the own bucket and prefix: the same one until the config names another."""

    def __init__(self, volume: Volume, stores: Stores) -> None:
        self._volume = volume
        self._stores = stores
        self._uploader: Uploader | None = None

    def __call__(self, config: GateConfig) -> Uploader:
        store = self._stores(config.region, config.region)
        if self._uploader is None or str(self._uploader.store) != str(store):
            self._uploader = Uploader(self._volume, store, region=config.region, retention=config.retention)
        self._uploader.store, self._uploader.retention = store, config.retention
        return self._uploader
