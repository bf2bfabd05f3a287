"""Which checkpoints there are, in which buckets, and which of them are whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from runtime.gate.checkpoint import (
    CHECKPOINTS,
    DATA,
    OBJECTS,
    SERVING,
    Base,
    Checkpoint,
    CheckpointId,
    ids_among,
    parse,
)
from runtime.gate.memory import point as point_of
from runtime.gate.memory import standing
from runtime.gate.settings import GateSettings
from runtime.gate.store import Store, StoreError
from runtime.gate.wording import few

PATIENCE_SECONDS = 120.0
"""How long a standby waits for S3 to replicate a checkpoint before it fetches it from the other region
itself."""


class Stores(Protocol):
    def __call__(self, bucket: str, writer: str, timeout: float | None = None) -> Store:
        """A Store on the bucket of the region `bucket` and the prefix of the region `writer`; `timeout` in
        seconds bounds each of its operations."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A writer's newest whole checkpoint, and in which regions' buckets it is whole, the best first."""

    checkpoint: Checkpoint
    buckets: tuple[str, ...]


@dataclass(kw_only=True)
class Look:
    """What one look at some buckets showed."""

    found: dict[str, Found] = field(default_factory=dict)
    """By the region that wrote it."""
    listed: dict[str, int] = field(default_factory=dict)
    """How many checkpoints each bucket that could be read lists."""
    errors: dict[str, StoreError] = field(default_factory=dict)
    """By the region of the bucket that could not be read."""
    broken: list[str] = field(default_factory=list)
    """What is missing of the checkpoints that are not whole, newer than those found; for people."""
    highest: int = 0
    """The highest generation listed."""
    serving: set[str] = field(default_factory=set)
    """Regions whose own bucket says that they serve, or have not handed over yet."""


class Sources:
    """Looks at buckets; remembers what it has read, and since when it has known of it."""

    def __init__(self, stores: Stores, clock: Callable[[], float] = time.monotonic) -> None:
        self._stores = stores
        self._clock = clock
        self._read: dict[tuple[str, CheckpointId], Checkpoint] = {}
        self._whole: dict[tuple[str, CheckpointId], tuple[str, ...]] = {}
        self._first_seen: dict[tuple[str, CheckpointId], float] = {}
        self._listed: dict[str, dict[CheckpointId, list[str]]] = {}
        self._damaged: set[tuple[str, str, CheckpointId]] = set()

    def look(
        self,
        pairs: Iterable[tuple[str, str]],
        *,
        own: str,
        patience: float = 0.0,
        timeouts: Mapping[str, float] | None = None,
    ) -> Look:
        """Look for each writer's newest whole checkpoint among `pairs` of bucket and writer (regions both).

        One that only another region's bucket than `own` has counts after `patience` seconds. A bucket that
        cannot be read is not tried again within the look; `timeouts` are by bucket, in seconds. Raises
        Interrupted.
        """
        seen = Look()
        ids: dict[str, dict[CheckpointId, list[str]]] = {}
        timeouts = timeouts or {}
        for bucket, writer in pairs:
            for id in self._ids(seen, bucket, writer, timeouts.get(bucket)):
                ids.setdefault(writer, {}).setdefault(id, []).append(bucket)
        self._listed.update(ids)
        for writer, listed in ids.items():
            self._forget(writer, listed)
            ripe = {
                id: buckets
                for id, buckets in listed.items()
                if self._ripe(writer, id, buckets, own, patience)
            }
            self._newest(seen, writer, ripe, own, timeouts)
        return seen

    def checkpoint(
        self, bucket: str, writer: str, id: CheckpointId, timeout: float | None = None
    ) -> Checkpoint:
        """Raises StoreError, also for one that is damaged."""
        known = self._read.get((writer, id))
        if known is None:
            store = self._stores(bucket, writer, timeout)
            try:
                known = parse(store.read(id.key).decode(), id)
            except ValueError as error:
                raise StoreError(f"{writer}'s {id.key} in the bucket of {bucket}: {error}") from error
            self._read[writer, id] = known
        return known

    def at(self, point: Base) -> Checkpoint | None:
        """The checkpoint at a point, or one of the same region and generation that was made there, among
        those listed last. None when none can be read."""
        listed = self._listed.get(point.region, {})
        same = [id for id in listed if id.generation == point.checkpoint.generation]
        for id in sorted(same, key=lambda id: (id != point.checkpoint, id)):
            for bucket in listed[id]:
                with suppress(StoreError):
                    found = self.checkpoint(bucket, point.region, id)
                    if id == point.checkpoint or standing(found) == point_of(found):
                        return found
        return None

    def distrust(self, checkpoint: Checkpoint) -> None:
        """What was found whole could not be read: it is looked at anew."""
        self._whole.pop((checkpoint.region, checkpoint.id), None)

    def condemn(self, bucket: str, checkpoint: Checkpoint) -> None:
        """What this bucket holds of a checkpoint is damaged. What is stored never changes: it stays so."""
        self.distrust(checkpoint)
        self._damaged.add((bucket, checkpoint.region, checkpoint.id))

    def missing(self, bucket: str, checkpoint: Checkpoint, timeout: float | None = None) -> list[str]:
        """The keys that a checkpoint names and the bucket lacks, or has in another size. Raises
        StoreError."""
        store = self._stores(bucket, checkpoint.region, timeout)
        return checkpoint.missing({**store.list(DATA), **store.list(OBJECTS)})

    def _ids(self, seen: Look, bucket: str, writer: str, timeout: float | None) -> list[CheckpointId]:
        if bucket in seen.errors:
            return []
        try:
            keys = self._stores(bucket, writer, timeout).list(CHECKPOINTS)
        except StoreError as error:
            seen.errors[bucket] = error
            return []
        if bucket == writer and SERVING in keys:
            seen.serving.add(writer)
        listed = list(ids_among(keys))
        seen.listed[bucket] = seen.listed.get(bucket, 0) + len(listed)
        seen.highest = max([seen.highest, *(id.generation for id in listed)])
        return listed

    def _newest(
        self,
        seen: Look,
        writer: str,
        listed: Mapping[CheckpointId, Sequence[str]],
        own: str,
        timeouts: Mapping[str, float],
    ) -> None:
        stored: dict[str, dict[str, int]] = {}
        for id in sorted(listed, reverse=True):
            buckets = sorted(listed[id], key=lambda bucket: (bucket != own, bucket != writer))
            known = self._whole.get((writer, id))
            if known and set(known) & set(buckets):
                seen.found[writer] = Found(checkpoint=self._read[writer, id], buckets=known)
                return
            for bucket in buckets:
                if self._is_whole(seen, bucket, writer, id, stored, timeouts.get(bucket)):
                    self._whole[writer, id] = (bucket,)
                    seen.found[writer] = Found(checkpoint=self._read[writer, id], buckets=(bucket,))
                    return

    def _is_whole(
        self,
        seen: Look,
        bucket: str,
        writer: str,
        id: CheckpointId,
        stored: dict[str, dict[str, int]],
        timeout: float | None,
    ) -> bool:
        if bucket in seen.errors:
            return False
        if (bucket, writer, id) in self._damaged:
            seen.broken.append(f"{writer}'s checkpoint {id} is damaged in the bucket of {bucket}")
            return False
        store = self._stores(bucket, writer, timeout)
        try:
            checkpoint = self.checkpoint(bucket, writer, id, timeout)
            if bucket not in stored:
                stored[bucket] = {**store.list(DATA), **store.list(OBJECTS)}
        except StoreError as error:
            seen.broken.append(str(error))
            return False
        missing = checkpoint.missing(stored[bucket])
        if missing:
            seen.broken.append(f"{writer}'s checkpoint {id} in the bucket of {bucket} lacks {few(missing)}")
        return not missing

    def _ripe(self, writer: str, id: CheckpointId, buckets: Sequence[str], own: str, patience: float) -> bool:
        first = self._first_seen.setdefault((writer, id), self._clock())
        return own in buckets or self._clock() - first >= patience

    def _forget(self, writer: str, listed: Mapping[CheckpointId, object]) -> None:
        """Of a writer, all but what is still listed, and checkpoints but the newest read."""
        gone = {key for key in self._first_seen if key[0] == writer and key[1] not in listed}
        read = sorted(key for key in self._read if key[0] == writer)
        for key in [*gone, *read[:-1]]:
            self._first_seen.pop(key, None)
            self._read.pop(key, None)
            self._whole.pop(key, None)


def pairs(settings: GateSettings, writers: Sequence[str], buckets: Sequence[str]) -> list[tuple[str, str]]:
    """Every writer in every bucket, the own bucket first."""
    own = settings.region
    known = [bucket for bucket in dict.fromkeys([own, *buckets]) if bucket in settings.buckets]
    return [(bucket, writer) for bucket in known for writer in writers]


def original(found: Found) -> bool:
    """Whether the writer's memory is its own, not a copy of another's."""
    return standing(found.checkpoint).region == found.checkpoint.region
