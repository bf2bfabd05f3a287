"""One upload pass: changed files go to the bucket, then a checkpoint that names all files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from runtime.contracts.gate import GateConfig, Retention
from runtime.gate.snapshot import loss_guard
from runtime.gate.snapshot.bindings import Bindings
from runtime.gate.snapshot.checkpoint import (
    RESTORED,
    UPLOADED,
    Checkpoint,
    CheckpointRef,
    StoredFile,
    load_checkpoint,
    parse_checkpoint,
)
from runtime.gate.snapshot.collector import Collector
from runtime.gate.snapshot.file_upload import BucketIndex, FileUpload
from runtime.gate.snapshot.retention import KEEP_UNNAMED_MS
from runtime.gate.snapshot.sampling import Sampler, message
from runtime.gate.snapshot.scan import OnIgnored, unreported
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.bucket import Store, StoreError, Stores, Unreachable
from runtime.gate.storage.files import read_below
from runtime.gate.storage.keys import DATA, REQUESTS, CheckpointId, Listed, is_collectable, sort_ids
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
    uploaded_bytes: int
    failed: Mapping[str, str] = field(default_factory=dict)
    """Files that could not be read, and why: the checkpoint has their last uploaded version, or none."""
    uncollected: str | None = None
    """Why old objects could not be deleted, the last time that was tried. The upload itself succeeded."""
    damaged: str | None = None
    """What other content the bucket has than was uploaded, when that was last read back."""
    damaged_objects: int = 0
    """Found in this pass."""
    replaced: tuple[str, ...] = ()
    """Objects that this pass uploaded again, because the bucket had other content."""


class UploadPass(Protocol):
    def run(
        self, *, generation: int, base: CheckpointRef | None, request: str | None = None
    ) -> UploadResult: ...


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
        on_ignored: OnIgnored = unreported,
    ) -> None:
        self.store = store
        self.retention = retention
        self._volume = volume
        self._region = region
        self._on_ignored = on_ignored
        self._bindings = Bindings(volume.gate_folder)
        self._collector = Collector(volume.gate_folder)
        self._index: BucketIndex | None = None
        self._uncollected: str | None = None
        self._sampler = Sampler(volume)
        self._damaged: str | None = None
        self._found = 0

    def run(self, *, generation: int, base: CheckpointRef | None, request: str | None = None) -> UploadResult:
        """Make the bucket hold what the volume holds.

        `generation`: of a new checkpoint; it is never below that of the newest, so that a writer's ids sort
        by age. `request`: the restore request that was carried out last. Raises StoreError, Interrupted, and
        OSError when the volume fails.
        """
        try:
            index = self._index = self._index or self._list(generation)
            index.sent_bytes, index.replaced = 0, []
            files, failed = self._upload(index, base)
            guarded = self._guarded(index, base, files)
            written = None if guarded else self._write_checkpoint(index, generation, base, request, files)
            if not guarded:
                self._collect(index)
            written = self._read_back(index, base) or written
        except BaseException:
            self._index = None
            raise
        found, self._found = self._found, 0
        return UploadResult(
            damaged=self._damaged,
            damaged_objects=found,
            checkpoint=written,
            newest=index.newest,
            changed=written is not None,
            guarded=guarded,
            uploaded_bytes=index.sent_bytes,
            failed=failed,
            uncollected=self._uncollected,
            replaced=tuple(index.replaced),
        )

    def _upload(
        self, index: BucketIndex, base: CheckpointRef | None
    ) -> tuple[dict[str, StoredFile], dict[str, str]]:
        """The files as uploaded, and those that could not be read, with the reason."""
        upload = FileUpload(self._volume, self.store, index, self._bindings, base)
        return upload.run(), upload.failed

    def _list(self, generation: int) -> BucketIndex:
        listing = self.store.listing()
        ids, ignored = sort_ids(listing, generation)
        self._on_ignored(self._region, self._region, ignored)
        return BucketIndex(stored=_objects(listing), newest=self._newest(ids))

    def _newest(self, ids: Sequence[CheckpointId]) -> Checkpoint | None:
        """The newest that can be read: one that is damaged, or that S3 does not hand out, must not end all
        uploads."""
        refused: StoreError | None = None
        for id in reversed(ids):
            try:
                return parse_checkpoint(self.store.read(id.key), id)
            except Unreachable:
                raise
            except (ValueError, StoreError) as error:
                log("checkpoint-damaged", level="warning", at=f"{self.store}/{id.key}", error=str(error))
                refused = error if isinstance(error, StoreError) else refused
        if refused is not None:
            raise refused
        return None

    def _guarded(
        self, index: BucketIndex, base: CheckpointRef | None, files: Mapping[str, StoredFile]
    ) -> str | None:
        newest = index.newest
        before = newest and self._before(newest, base)
        reason = loss_guard.loss(before, files, self._read, self._read_uploaded)
        if reason is None or newest is None:
            return reason
        requested = loss_guard.ACCEPT_SHRINK in self.store.list(REQUESTS)
        if requested and loss_guard.accepts(self.store.read(loss_guard.ACCEPT_SHRINK), newest):
            log("loss-accepted", level="warning", reason=reason, checkpoint=str(newest.id))
            return None
        return f"{reason}. Nothing is deleted and no checkpoint is written; the newest is {newest.id}"

    def _before(self, newest: Checkpoint, base: CheckpointRef | None) -> Checkpoint | None:
        """With what the files are compared: if nothing was uploaded since they were restored, with that."""
        folder = self._volume.gate_folder
        if newest.base != base:
            return load_checkpoint(folder / RESTORED)
        if base is None or (folder / UPLOADED).exists():
            return newest
        return load_checkpoint(folder / RESTORED) or newest  # Restored again from the same checkpoint.

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
        request: str | None,
        files: Mapping[str, StoredFile],
    ) -> Checkpoint | None:
        newest = index.newest
        if newest is None and not files:
            return None
        if newest is not None:
            generation = max(generation, newest.id.generation)
            same = newest.files == files and newest.base == base and newest.request == request
            if same and newest.id.generation == generation:
                return None
        # By S3's clock: a time after S3's own would be ignored.
        at = max(int(self.store.now() * 1000), newest.id.at + 1 if newest else 0)
        id = CheckpointId(generation=generation, at=at)
        checkpoint = Checkpoint(region=self._region, id=id, base=base, request=request, files=files)
        self.store.put(id.key, checkpoint.dump().encode())
        index.newest = checkpoint
        return checkpoint

    def _read_back(self, index: BucketIndex, base: CheckpointRef | None) -> Checkpoint | None:
        """Once an hour: some objects of the newest checkpoint. What is damaged is uploaded again: deleted
        first, because no object may be overwritten. Returns the newest checkpoint if it is a new one."""
        newest = index.newest
        if newest is None:
            return None
        try:
            sample = self._sampler.run(self.store, newest, index.stored)
        except Unreachable:
            return None
        except StoreError as error:
            self._damaged = f"nothing of the newest checkpoint could be read back: {error}"
            return None
        if sample is None:
            return None
        self._damaged = None
        if not sample.damaged and not sample.checkpoint:
            return None
        repaired = self._sampler.to_repair(newest, sample.damaged)
        self._damaged = message(sample.damaged, repaired, checkpoint=sample.checkpoint)
        self._found += sample.new + sample.checkpoint
        self.store.delete(sorted(repaired))
        for key in repaired:
            del index.stored[key]
        if repaired:
            self._upload(index, base)
        return self._write_again(index, newest) if sample.checkpoint else None

    def _write_again(self, index: BucketIndex, newest: Checkpoint) -> Checkpoint:
        """Under a new id: no object may be overwritten."""
        at = max(int(self.store.now() * 1000), newest.id.at + 1)
        index.newest = replace(newest, id=replace(newest.id, at=at))
        self.store.put(index.newest.id.key, index.newest.dump().encode())
        self.store.delete([newest.id.key])
        return index.newest

    def _collect(self, index: BucketIndex) -> None:
        """At most once an hour. A failure is reported in the result; the upload is good all the same."""
        now = int(self.store.now() * 1000)
        if index.newest is None or not self._collector.is_due(now):
            return
        try:
            listing = self.store.listing()
            ignored = sort_ids(listing, index.newest.id.generation).ignored
            self._on_ignored(self._region, self._region, ignored)
            old = [id for id in ignored if now - listing[id.key].at >= KEEP_UNNAMED_MS]
            stored = {key: listed.size for key, listed in listing.items()}
            deleted = self._collector.run(self.store, stored, index.newest, self.retention, now, old)
            index.stored = _objects({key: listing[key] for key in stored.keys() - deleted})
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


def _objects(listing: Mapping[str, Listed]) -> dict[str, int]:
    """Sizes of those that checkpoints may name."""
    return {key: listed.size for key, listed in listing.items() if is_collectable(key)}


class Uploaders:
    """The Uploader of the own bucket and prefix: the same one until the config names another."""

    def __init__(self, volume: Volume, stores: Stores, on_ignored: OnIgnored = unreported) -> None:
        self._volume = volume
        self._stores = stores
        self._on_ignored = on_ignored
        self._uploader: Uploader | None = None

    def __call__(self, config: GateConfig) -> Uploader:
        store = self._stores(config.region, config.region)
        if self._uploader is None or str(self._uploader.store) != str(store):
            self._uploader = Uploader(
                self._volume,
                store,
                region=config.region,
                retention=config.retention,
                on_ignored=self._on_ignored,
            )
        self._uploader.store, self._uploader.retention = store, config.retention
        return self._uploader
