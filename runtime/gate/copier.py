"""A pass over the volume: what changed goes to the bucket, then a checkpoint that names all of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from runtime.gate import guard
from runtime.gate.bindings import Bindings
from runtime.gate.checkpoint import DATA, ORDERS, Base, Checkpoint, CheckpointId, StoredFile, ids_among
from runtime.gate.collector import Collector, read_checkpoint
from runtime.gate.contents import Bucket, Contents
from runtime.gate.memory import Memory
from runtime.gate.retention import is_collectable
from runtime.gate.settings import GateSettings, Retention
from runtime.gate.sources import Stores
from runtime.gate.store import Interrupted, Store, StoreError
from runtime.gate.volume import Volume
from runtime.logs import log


@dataclass(frozen=True, kw_only=True)
class PassResult:
    """What a pass came to."""

    checkpoint: Checkpoint | None
    """That it made; None when there was nothing new."""
    newest: Checkpoint | None
    """In the bucket, of this writer, after it."""
    changed: bool
    guarded: str | None
    """Why the loss guard let no checkpoint be made."""
    started: float
    """Seconds since the epoch."""
    uploaded_bytes: int
    uncollected: str | None = None
    """Why what is old could not be deleted, the last time that was tried. The copy itself is good."""


class Copier:
    """Copies a volume to its region's own prefix in the region's own bucket. One at a time writes there.

    What lies in the bucket is listed at the first pass and after one that failed; else it is remembered.
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
        self._bindings = Bindings(volume.memory)
        self._collector = Collector(volume.memory)
        self._bucket: Bucket | None = None
        self._uncollected: str | None = None

    def run(self, *, generation: int, base: Base | None) -> PassResult:
        """Make the bucket hold what the volume holds.

        `generation`: of a new checkpoint; it is never below the newest's, so that a writer's ids are in the
        order of its states. Raises StoreError, Interrupted, and OSError for the volume's sake.
        """
        started = self._clock()
        try:
            bucket = self._bucket = self._bucket or self._look()
            bucket.sent_bytes = 0
            files = Contents(self._volume, self.store, bucket, self._bindings, base).store()
            guarded = self._guarded(bucket, base, files)
            made = None if guarded else self._checkpoint(bucket, generation, base, files)
            if not guarded:
                self._collect(bucket)
        except BaseException:
            self._bucket = None
            raise
        return PassResult(
            checkpoint=made,
            newest=bucket.newest,
            changed=made is not None,
            guarded=guarded,
            started=started,
            uploaded_bytes=bucket.sent_bytes,
            uncollected=self._uncollected,
        )

    def _look(self) -> Bucket:
        stored = self.store.list()
        id = max(ids_among(stored), default=None)
        return Bucket(
            stored={key: size for key, size in stored.items() if is_collectable(key)},
            newest=None if id is None else read_checkpoint(self.store.read(id.key), id, self.store),
        )

    def _guarded(self, bucket: Bucket, base: Base | None, files: Mapping[str, StoredFile]) -> str | None:
        newest = bucket.newest
        before = newest
        if newest is not None and newest.base != base:
            # The memory is another since: what it was filled from says what it has to hold.
            before = Memory(self._volume.root).taken()
        reason = guard.loss(before, files, lambda path: (self._volume.root / path).read_bytes())
        if reason is None or newest is None:
            return reason
        ordered = guard.ACCEPT_SHRINK in self.store.list(ORDERS)
        if ordered and guard.accepts(self.store.read(guard.ACCEPT_SHRINK), newest):
            log("loss-accepted", level="warning", reason=reason, checkpoint=str(newest.id))
            return None
        return f"{reason}. Nothing is deleted, and no checkpoint made; the newest is {newest.id}"

    def _checkpoint(
        self, bucket: Bucket, generation: int, base: Base | None, files: Mapping[str, StoredFile]
    ) -> Checkpoint | None:
        newest = bucket.newest
        if newest is None and not files:
            return None
        if newest is not None:
            generation = max(generation, newest.id.generation)
            same = newest.files == files and newest.base == base and newest.id.generation == generation
            if same:
                return None
        at = max(int(self._clock() * 1000), newest.id.at + 1 if newest else 0)
        id = CheckpointId(generation=generation, at=at)
        made = Checkpoint(region=self._region, id=id, base=base, files=files)
        self.store.put(id.key, made.dump().encode())
        bucket.newest = made
        return made

    def _collect(self, bucket: Bucket) -> None:
        """At most once an hour. That it could not be done is for the caller to show; the copy is good."""
        now = int(self._clock() * 1000)
        if bucket.newest is None or not self._collector.is_due(now):
            return
        try:
            stored = self.store.list()
            gone = self._collector.run(self.store, stored, bucket.newest, self.retention, now)
            kept = stored.keys() - gone
            bucket.stored = {key: stored[key] for key in kept if is_collectable(key)}
            self._bindings.keep(self._paths(bucket.stored))
            self._uncollected = None
        except Interrupted:
            self._bucket = None  # Some may be gone.
        except StoreError as error:
            self._bucket, self._uncollected = None, str(error)

    def _paths(self, stored: Collection[str]) -> set[str]:
        """Of files that are on the volume or in the bucket."""
        kept = {key.removeprefix(f"{DATA}/") for key in stored if key.startswith(f"{DATA}/")}
        return kept | self._volume.scan().keys()


class Copiers:
    """One Copier for as long as its bucket and prefix stay, told of the settings each time."""

    def __init__(self, volume: Volume, stores: Stores) -> None:
        self._volume = volume
        self._stores = stores
        self._copier: Copier | None = None

    def __call__(self, settings: GateSettings) -> Copier:
        store = self._stores(settings.region, settings.region)
        if self._copier is None or str(self._copier.store) != str(store):
            self._copier = Copier(self._volume, store, region=settings.region, retention=settings.retention)
        self._copier.store, self._copier.retention = store, settings.retention
        return self._copier
