"""Bucket scan: which checkpoints exist, in which buckets, and which of them are complete."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from runtime.contracts.gate import GateConfig
from runtime.gate.snapshot.checkpoint import Checkpoint, CheckpointRef
from runtime.gate.snapshot.checkpoint_changes import read_checkpoint
from runtime.gate.snapshot.checkpoint_names import CheckpointNames
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.keys import DATA, OBJECTS, CheckpointId, few
from runtime.gate.storage.stores import Stores

REPLICATION_SECONDS = 120.0
"""How long a standby waits for S3 to replicate a checkpoint before it reads it from the other region's
bucket."""

FEW = 20
"""Objects whose sizes are asked for one by one, however small the snapshot is."""
LISTING_COSTS = 80
"""Objects in a listing for the price of one request for a size: 1,000 in a list at 12.5 times the price."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A writer's newest complete checkpoint, and the regions whose buckets have all of it, best first."""

    checkpoint: Checkpoint
    buckets: tuple[str, ...]


@dataclass(kw_only=True)
class BucketScan:
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    """By the region that wrote it."""
    listed: dict[str, int] = field(default_factory=dict)
    """How many checkpoints each readable bucket has."""
    errors: dict[str, StoreError] = field(default_factory=dict)
    """By the region of the bucket that could not be read."""
    incomplete: list[str] = field(default_factory=list)
    """What is missing of the checkpoints that are newer than `snapshots`; for people."""
    highest_generation: int = 0
    """Of all checkpoints."""
    now: float = 0.0
    """S3's time, in seconds; 0 without an answer."""
    ignored: list[CheckpointId] = field(default_factory=list)
    """No gate wrote them (`keys.sort_ids`)."""
    primaries: set[str] = field(default_factory=set)
    """Regions whose own bucket says that they are primary, or have not handed over yet."""


OnIgnored = Callable[[str, str, Sequence[CheckpointId]], None]
"""Is told of the ignored checkpoints in a bucket (of a region), by the region that seems to have written
them."""


def unreported(bucket: str, writer: str, ids: Sequence[CheckpointId]) -> None:
    """An OnIgnored."""


class Scanner:
    """Scans buckets. Remembers the checkpoints that it read, and when it first saw each."""

    def __init__(
        self,
        stores: Stores,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        known: Callable[[], int] = lambda: 0,
        on_ignored: OnIgnored = unreported,
    ) -> None:
        """`known`: a generation that exists."""
        self._stores = stores
        self._monotonic = monotonic
        self._names = CheckpointNames(monotonic, known)
        self._on_ignored = on_ignored
        self._read: dict[tuple[str, CheckpointId], Checkpoint] = {}
        self._complete: dict[tuple[str, CheckpointId], tuple[str, ...]] = {}
        self._first_seen: dict[tuple[str, CheckpointId], float] = {}
        self._damaged: set[tuple[str, str, CheckpointId]] = set()

    def scan(
        self,
        pairs: Iterable[tuple[str, str]],
        *,
        own: str,
        replica_delay: float = 0.0,
        timeouts: Mapping[str, float] | None = None,
        listing: bool = False,
    ) -> BucketScan:
        """Search each writer's newest complete checkpoint in `pairs` of bucket and writer (both regions).

        A checkpoint that is only in other buckets than `own` counts after `replica_delay` seconds. A bucket
        that cannot be read is not tried again within the scan; `timeouts` are by bucket, in seconds.
        `listing`: list each writer's own bucket, whenever that was last done. Raises Interrupted.
        """
        scan = BucketScan()
        ids: dict[str, dict[CheckpointId, list[str]]] = {}
        timeouts = timeouts or {}
        for bucket, writer in pairs:
            for id in self._ids(scan, bucket, writer, timeouts.get(bucket), listing):
                ids.setdefault(writer, {}).setdefault(id, []).append(bucket)
        for writer, listed in ids.items():
            self._forget(writer, listed)
            counted = {
                id: buckets
                for id, buckets in listed.items()
                if self._counts_yet(writer, id, buckets, own, replica_delay)
            }
            self._add_newest(scan, writer, counted, own, timeouts)
        return scan

    def checkpoint(
        self, bucket: str, writer: str, id: CheckpointId, timeout: float | None = None
    ) -> Checkpoint:
        """Raises StoreError, also for a damaged checkpoint."""
        known = self._read.get((writer, id))
        if known is None:
            store = self._stores(bucket, writer, timeout)
            name = self._names.of(store, writer, id)
            try:
                known = read_checkpoint(name, store.read, self._newest_read(writer))
            except ValueError as error:
                raise StoreError(f"{writer}'s {name.key} in the bucket of {bucket}: {error}") from error
            self._read[writer, id] = known
        return known

    def resolve(self, ref: CheckpointRef) -> Checkpoint | None:
        """The checkpoint itself, or an original one of the same region and generation, in the buckets of
        that writer's last scan. None when none can be read."""
        for bucket, ids in self._names.listed(self._stores, ref.region):
            same = [id for id in ids if id.generation == ref.checkpoint.generation]
            for id in sorted(same, key=lambda id: (id != ref.checkpoint, id)):
                with suppress(StoreError):
                    found = self.checkpoint(bucket, ref.region, id)
                    if id == ref.checkpoint or found.origin == found.ref:
                        return found
        return None

    def check_again(self, checkpoint: Checkpoint) -> None:
        """A complete checkpoint could not be downloaded: check it again in the next scan."""
        self._complete.pop((checkpoint.region, checkpoint.id), None)

    def mark_damaged(self, bucket: str, checkpoint: Checkpoint) -> None:
        """The bucket's objects are damaged. Objects never change, so the bucket is not asked again."""
        self.check_again(checkpoint)
        self._damaged.add((bucket, checkpoint.region, checkpoint.id))

    def missing(self, bucket: str, checkpoint: Checkpoint, timeout: float | None = None) -> list[str]:
        """The keys that a checkpoint names and the bucket lacks, or has in another size. Raises
        StoreError."""
        store = self._stores(bucket, checkpoint.region, timeout)
        return checkpoint.missing({**store.list(DATA), **store.list(OBJECTS)})

    def _ids(
        self, scan: BucketScan, bucket: str, writer: str, timeout: float | None, listing: bool
    ) -> list[CheckpointId]:
        if bucket in scan.errors:
            return []
        try:
            store = self._stores(bucket, writer, timeout)
            found = self._names.current(store, bucket, writer, listing=listing and bucket == writer)
            scan.now = store.now()
        except StoreError as error:
            scan.errors[bucket] = error
            return []
        if bucket == writer and found.index.serving:
            scan.primaries.add(writer)
        ids = list(found.index.names)
        self._on_ignored(bucket, writer, sorted(found.ignored))
        scan.ignored += sorted(found.ignored)
        scan.listed[bucket] = scan.listed.get(bucket, 0) + len(ids)
        scan.highest_generation = max([scan.highest_generation, *(id.generation for id in ids)])
        return ids

    def _add_newest(
        self,
        scan: BucketScan,
        writer: str,
        listed: Mapping[CheckpointId, Sequence[str]],
        own: str,
        timeouts: Mapping[str, float],
    ) -> None:
        stored: dict[str, dict[str, int]] = {}
        for id in sorted(listed, reverse=True):
            buckets = sorted(listed[id], key=lambda bucket: (bucket != own, bucket != writer))
            known = self._complete.get((writer, id))
            if known and set(known) & set(buckets):
                scan.snapshots[writer] = Snapshot(checkpoint=self._read[writer, id], buckets=known)
                return
            for bucket in buckets:
                if self._is_complete(scan, bucket, writer, id, stored, timeouts.get(bucket)):
                    self._complete[writer, id] = (bucket,)
                    scan.snapshots[writer] = Snapshot(checkpoint=self._read[writer, id], buckets=(bucket,))
                    return

    def _is_complete(
        self,
        scan: BucketScan,
        bucket: str,
        writer: str,
        id: CheckpointId,
        stored: dict[str, dict[str, int]],
        timeout: float | None,
    ) -> bool:
        if bucket in scan.errors:
            return False
        if (bucket, writer, id) in self._damaged:
            scan.incomplete.append(f"{writer}'s checkpoint {id} is damaged in the bucket of {bucket}")
            return False
        store = self._stores(bucket, writer, timeout)
        try:
            whole = self._newest_read(writer, bucket)
            checkpoint = self.checkpoint(bucket, writer, id, timeout)
            missing = self._missing(store, bucket, checkpoint, whole, stored)
        except StoreError as error:
            scan.incomplete.append(str(error))
            return False
        if missing:
            scan.incomplete.append(
                f"{writer}'s checkpoint {id} in the bucket of {bucket} lacks {few(missing)}"
            )
        return not missing

    def _missing(
        self,
        store: Store,
        bucket: str,
        checkpoint: Checkpoint,
        whole: Checkpoint | None,
        stored: dict[str, dict[str, int]],
    ) -> list[str]:
        """`whole`: a checkpoint that the bucket has completely; only what it does not name is asked for, if
        that is little. `stored`: by bucket, what was listed in this scan."""
        if whole is not None and bucket not in stored:
            new = _beyond(checkpoint, whole)
            if len(new) <= max(FEW, len(checkpoint.files) // LISTING_COSTS):
                found = store.heads(new)
                return sorted(key for key, size in new.items() if key not in found or found[key].size != size)
        if bucket not in stored:
            stored[bucket] = {**store.list(DATA), **store.list(OBJECTS)}
        return checkpoint.missing(stored[bucket])

    def _newest_read(self, writer: str, complete_in: str | None = None) -> Checkpoint | None:
        """Of the writer's checkpoints, the newest that was read, or that is complete in that bucket."""
        found = [
            each
            for key, each in self._read.items()
            if key[0] == writer and (complete_in is None or complete_in in self._complete.get(key, ()))
        ]
        return max(found, key=lambda each: each.id, default=None)

    def _counts_yet(
        self, writer: str, id: CheckpointId, buckets: Sequence[str], own: str, replica_delay: float
    ) -> bool:
        first = self._first_seen.setdefault((writer, id), self._monotonic())
        return own in buckets or self._monotonic() - first >= replica_delay

    def _forget(self, writer: str, listed: Mapping[CheckpointId, object]) -> None:
        """Of a writer, what is no longer listed, and all checkpoints but the newest that was read and the
        newest complete one."""
        gone = {key for key in self._first_seen if key[0] == writer and key[1] not in listed}
        read = sorted(key for key in self._read if key[0] == writer)
        kept = {*read[-1:], *[key for key in read if key in self._complete][-1:]}
        for key in {*gone, *read} - kept if read else gone:
            self._first_seen.pop(key, None)
            self._read.pop(key, None)
            self._complete.pop(key, None)


def _beyond(checkpoint: Checkpoint, known: Checkpoint) -> dict[str, int]:
    """Sizes by key of what `known` does not name at the same path."""
    return {file.key: file.size for path, file in checkpoint.files.items() if known.files.get(path) != file}


def pairs(config: GateConfig, writers: Sequence[str], buckets: Sequence[str]) -> list[tuple[str, str]]:
    """Every writer in every bucket, the own bucket first."""
    known = [bucket for bucket in dict.fromkeys([config.region, *buckets]) if bucket in config.buckets]
    return [(bucket, writer) for bucket in known for writer in writers]
