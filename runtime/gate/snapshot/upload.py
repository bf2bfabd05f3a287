"""One upload pass: changed files go to the bucket, then a checkpoint that names all files."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
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
    parse_checkpoint,
)
from runtime.gate.snapshot.collector import Collector
from runtime.gate.snapshot.file_upload import BucketIndex, FileUpload
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.bucket import Store, StoreError, Stores
from runtime.gate.storage.files import read_below
from runtime.gate.storage.keys import DATA, REQUESTS, CheckpointId, checkpoint_ids, is_collectable
from runtime.gate.storage.rclone import Interrupted
from runtime.logs import log

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
    failed: Mapping[str, str] = field(default_factory=dict)
    """Files that could not be read, and why: the checkpoint has their last uploaded version, or none."""
    uncollected: str | None = None
    """Why old objects could not be deleted, the last time that was tried. The upload itself succeeded."""
    damaged: tuple[str, ...] = ()
    """Objects in the bucket that did not have their content. This pass replaced them."""


class UploadPass(Protocol):
    def run(self, *, generation: int, base: CheckpointRef | None) -> UploadResult: ...


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
        self._index: BucketIndex | None = None
        self._uncollected: str | None = None

    def run(self, *, generation: int, base: CheckpointRef | None) -> UploadResult:
        """Make the bucket hold what the volume holds.

        `generation`: of a new checkpoint; it is never below that of the newest, so that a writer's ids sort
        by age. Raises StoreError, Interrupted, and OSError when the volume fails.
        """
        started = self._clock()
        try:
            index = self._index = self._index or self._list()
            index.sent_bytes, index.damaged = 0, []
            upload = FileUpload(self._volume, self.store, index, self._bindings, base)
            files = upload.run()
            guarded = self._guarded(index, base, files)
            written = None if guarded else self._write_checkpoint(index, generation, base, files)
            if not guarded:
                self._collect(index)
        except BaseException:
            self._index = None
            raise
        return UploadResult(
            checkpoint=written,
            newest=index.newest,
            changed=written is not None,
            guarded=guarded,
            started=started,
            uploaded_bytes=index.sent_bytes,
            failed=upload.failed,
            uncollected=self._uncollected,
            damaged=tuple(index.damaged),
        )

    def _list(self) -> BucketIndex:
        stored = self.store.list()
        return BucketIndex(
            stored={key: size for key, size in stored.items() if is_collectable(key)},
            newest=self._newest(checkpoint_ids(stored)),
        )

    def _newest(self, ids: Sequence[CheckpointId]) -> Checkpoint | None:
        """The newest that can be read: a damaged one must not end all uploads."""
        for id in reversed(ids):
            try:
                return parse_checkpoint(self.store.read(id.key), id)
            except ValueError as error:
                log("checkpoint-damaged", level="warning", at=f"{self.store}/{id.key}", error=str(error))
        return None

    def _guarded(
        self, index: BucketIndex, base: CheckpointRef | None, files: Mapping[str, StoredFile]
    ) -> str | None:
        newest = before = index.newest
        if newest is not None and newest.base != base:
            # Other files are active since that upload: compare with what they were restored from.
            before = load_checkpoint(self._volume.gate_folder / RESTORED)
        reason = loss_guard.loss(before, files, self._read, self._read_uploaded)
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

    def _read_uploaded(self, file: StoredFile) -> bytes | None:
        """None when only another region's prefix has it: the files were restored from there."""
        if self._index is None or self._index.stored.get(file.key) != file.size:
            return None
        return self.store.read(file.key) if file.size <= LARGEST_MANIFEST else None

    def _write_checkpoint(
        self,
        index: BucketIndex,
        generation: int,
        base: CheckpointRef | None,
        files: Mapping[str, StoredFile],
    ) -> Checkpoint | None:
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
        self.store.put(id.key, checkpoint.dump().encode())
        index.newest = checkpoint
        return checkpoint

    def _collect(self, index: BucketIndex) -> None:
        """At most once an hour. A failure is reported in the result; the upload is good all the same."""
        now = int(self._clock() * 1000)
        if index.newest is None or not self._collector.is_due(now):
            return
        try:
            stored = self.store.list()
            deleted = self._collector.run(self.store, stored, index.newest, self.retention, now)
            kept = stored.keys() - deleted
            index.stored = {key: stored[key] for key in kept if is_collectable(key)}
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
