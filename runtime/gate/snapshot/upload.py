"""One upload pass: changed files go to the bucket, then a checkpoint that names all files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from runtime.contracts.gate import Retention
from runtime.gate.snapshot.bindings import Bindings
from runtime.gate.snapshot.bucket_index import BucketIndex
from runtime.gate.snapshot.checkpoint import Checkpoint, CheckpointRef, StoredFile
from runtime.gate.snapshot.checkpoint_writer import CheckpointWriter, Stored
from runtime.gate.snapshot.collector import Collector
from runtime.gate.snapshot.file_upload import FileUpload
from runtime.gate.snapshot.retention import HOUR_MS, KEEP_UNNAMED_MS
from runtime.gate.snapshot.sampling import Sampler, message
from runtime.gate.snapshot.scan import OnIgnored, unreported
from runtime.gate.snapshot.upload_guard import UploadGuard
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.errors import StoreError, Unreachable
from runtime.gate.storage.keys import DATA, SLACK_MS, CheckpointName
from runtime.gate.storage.rclone import Interrupted
from runtime.logs import log

LIST_MS = 6 * HOUR_MS
"""Between two listings of the prefix: nobody else may write or delete there, and nothing else would tell."""


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
    stored: Stored | None = None
    """Of `checkpoint`."""
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
        self,
        *,
        generation: int,
        base: CheckpointRef | None,
        request: str | None = None,
        last: bool = False,
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
        self._writer = CheckpointWriter(lambda: self.store.now())
        self._guard = UploadGuard(volume)
        self._index: BucketIndex | None = None
        self._uncollected: str | None = None
        self._sampler = Sampler(volume)
        self._damaged: str | None = None
        self._found = 0

    def run(
        self,
        *,
        generation: int,
        base: CheckpointRef | None,
        request: str | None = None,
        last: bool = False,
    ) -> UploadResult:
        """Make the bucket hold what the volume holds.

        `generation`: of a new checkpoint; it is never below that of the newest, so that a writer's ids sort
        by age. `request`: the restore request that was carried out last. `last`: another gate continues with
        the newest checkpoint, perhaps one of the previous version. Raises StoreError, Interrupted, and
        OSError when the volume fails.
        """
        try:
            index = self._index = self._index or self._list(generation)
            index.sent_bytes, index.replaced = 0, []
            files, failed = self._upload(index, base)
            guarded = self._guard.refuses(self.store, index, base, files)
            stored = None if guarded else self._write_checkpoint(index, generation, base, request, files)
            if last and index.newest is not None and index.newest.since is not None:
                whole = self._writer.write_whole(self.store, index, index.newest)
                stored = whole if stored else None
            self._writer.check(self.store, index)
            if not guarded:
                self._collect(index)
            stored = self._read_back(index, base) or stored
        except BaseException:
            self._index = None
            raise
        return self._result(index, stored, guarded, failed)

    def _result(
        self, index: BucketIndex, stored: Stored | None, guarded: str | None, failed: Mapping[str, str]
    ) -> UploadResult:
        found, self._found = self._found, 0
        return UploadResult(
            checkpoint=index.newest if stored else None,
            damaged=self._damaged,
            damaged_objects=found,
            newest=index.newest,
            stored=stored,
            changed=stored is not None,
            guarded=guarded,
            uploaded_bytes=index.sent_bytes,
            failed=failed,
            uncollected=self._uncollected,
            replaced=tuple(index.replaced),
        )

    def _upload(
        self, index: BucketIndex, base: CheckpointRef | None
    ) -> tuple[Mapping[str, StoredFile], dict[str, str]]:
        """The files as uploaded, and those that could not be read, with the reason."""
        upload = FileUpload(self._volume, self.store, index, self._bindings, base)
        return upload.run(), upload.failed

    def _list(self, generation: int) -> BucketIndex:
        listing, index = self.store.listing(), BucketIndex()
        index.relist(listing, known=generation, now=int(self.store.now() * 1000))
        self._on_ignored(self._region, self._region, list(index.ignored))
        self._writer.listed(listing)
        index.newest = self._newest(reversed(index.names.values()))
        return index

    def _newest(self, names: Iterable[CheckpointName]) -> Checkpoint | None:
        """The first that can be read: one that is damaged, or that S3 does not hand out, must not end all
        uploads."""
        refused: StoreError | None = None
        for name in names:
            try:
                return self._writer.read(self.store, name)
            except Unreachable:
                raise
            except (ValueError, StoreError) as error:
                log("checkpoint-damaged", level="warning", at=f"{self.store}/{name.key}", error=str(error))
                refused = error if isinstance(error, StoreError) else refused
        if refused is not None:
            raise refused
        return None

    def _write_checkpoint(
        self,
        index: BucketIndex,
        generation: int,
        base: CheckpointRef | None,
        request: str | None,
        files: Mapping[str, StoredFile],
    ) -> Stored | None:
        """None when nothing has changed."""
        newest = index.newest
        if newest is None and not files:
            return None
        if newest is not None:
            generation = max(generation, newest.id.generation)
            same = newest.files == files and newest.base == base and newest.request == request
            if same and newest.id.generation == generation:
                return None
        id = self._writer.next_id(generation, newest.id if newest else None)
        checkpoint = Checkpoint(region=self._region, id=id, base=base, request=request, files=files)
        return self._writer.write(self.store, index, checkpoint)

    def _read_back(self, index: BucketIndex, base: CheckpointRef | None) -> Stored | None:
        """Once an hour: some objects of the newest checkpoint. What is damaged is uploaded again: deleted
        first, because no object may be overwritten. Returns the newest checkpoint if it is a new one."""
        newest = index.newest
        if newest is None:
            return None
        try:
            sample = self._sampler.run(self.store, newest, index.stored, self._writer.hashes)
        except Unreachable:
            return None
        except StoreError as error:
            self._damaged = f"nothing of the newest checkpoint could be read back: {error}"
            return None
        if sample is None:
            return None
        self._damaged = None
        if not sample.damaged and not sample.lists:
            return None
        repaired = self._sampler.to_repair(newest, sample.damaged)
        self._damaged = message(sample.damaged, repaired, checkpoint=bool(sample.lists))
        self._found += sample.new + bool(sample.lists)
        self.store.delete(sorted(repaired))
        for key in repaired:
            del index.stored[key]
        if repaired:
            self._upload(index, base)
        return self._writer.write_again(self.store, index, sample.lists) if sample.lists else None

    def _collect(self, index: BucketIndex) -> None:
        """At most once an hour. A failure is reported in the result; the upload is good all the same."""
        now = int(self.store.now() * 1000)
        if index.newest is None or not self._collector.is_due(now):
            return
        try:
            if not -SLACK_MS <= now - index.listed < LIST_MS:
                index.relist(self.store.listing(), known=index.newest.id.generation, now=now)
                self._on_ignored(self._region, self._region, list(index.ignored))
            useless = [key for key, at in index.ignored.values() if now - at >= KEEP_UNNAMED_MS]
            useless += index.superseded
            deleted = self._collector.run(
                self.store, index.stored, index.names, index.newest, self.retention, now, useless
            )
            index.forget(deleted)
            if deleted:
                self._writer.publish(self.store, index)
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
