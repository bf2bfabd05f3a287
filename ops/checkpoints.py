"""The checkpoints of a memory in its region's bucket: its own, and those that S3 replicated there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cmp_to_key
from typing import Any, Protocol

from botocore.exceptions import ClientError

from ops.aws import calling, concerns_object
from ops.memory import Memory
from ops.terminal import clock, plain
from runtime import documents
from runtime.gate.lineage.ranking import outranks
from runtime.gate.restore.requests import LARGEST as LARGEST_REQUEST
from runtime.gate.restore.requests import RESTORE
from runtime.gate.snapshot.checkpoint import LARGEST, REQUEST, Checkpoint, CheckpointRef
from runtime.gate.snapshot.checkpoint_changes import read_checkpoint
from runtime.gate.storage.keys import (
    CHECKPOINTS,
    CheckpointId,
    CheckpointName,
    Listed,
    checkpoint_name,
    is_ahead,
    sort_names,
)

READERS = 8
STORED_MS = 60_000
"""At most so long after its name's time a gate has stored a checkpoint."""


class UnreadableObject(ValueError):
    """S3 answers, and does not hand out this object."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A checkpoint that was listed, not read."""

    writer: str
    id: CheckpointId
    at: int | None = field(default=None, compare=False)
    """S3's time of its upload: UTC in milliseconds; None where it was not asked for."""
    ignored: bool = field(default=False, compare=False)
    """Its name claims what cannot be: gates ignore it, and no command restores it."""

    @property
    def time(self) -> int:
        """That of its name, unless S3 received it later: UTC in milliseconds."""
        late = self.at is not None and self.at > self.id.at + STORED_MS
        return self.at if late and self.at is not None else self.id.at

    def existed(self, at: int) -> bool:
        """By its name and by S3. `at`: UTC in milliseconds."""
        return self.id.at <= at and (self.at is None or self.at <= at + STORED_MS)

    @property
    def remark(self) -> str:
        if self.ignored:
            ahead = self.at is not None and is_ahead(self.id.at, self.at)
            what = f"stored at {clock(self.at)}" if self.at is not None and ahead else "by its generation"
            return f"refused: its name cannot be true, {what}"
        return f"stored at {clock(self.time)}" if self.time != self.id.at else ""


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """A checkpoint that was read, or the problem with reading it, and which of its objects are missing."""

    stored: Stored
    checkpoint: Checkpoint | None
    missing: tuple[str, ...] = ()
    """Keys of objects that are missing or have another size."""
    problem: str = ""

    @property
    def complete(self) -> bool:
        return self.checkpoint is not None and not self.missing

    @property
    def origin(self) -> CheckpointRef:
        """The checkpoint that has these files first: a standby's checkpoint is a copy of its primary's."""
        own = CheckpointRef(region=self.stored.writer, checkpoint=self.stored.id)
        return self.checkpoint.origin if self.checkpoint else own

    @property
    def state(self) -> str:
        if self.checkpoint is None:
            return self.problem
        missing, all_ = len(self.missing), len({file.key for file in self.checkpoint.files.values()})
        return (
            f"{missing} of {all_} objects missing, such as {plain(self.missing[0])}"
            if missing
            else "complete"
        )


class CheckpointStore:
    def __init__(self, client: Any, memory: Memory) -> None:
        self.client, self.memory = client, memory
        self._names: dict[tuple[str, CheckpointId], CheckpointName] = {}
        """How each checkpoint is stored that was listed, by its writer."""

    def list(self) -> Listing:
        """All objects of the memory in its bucket. Raises OperatorError."""
        objects = {writer: self._objects(writer) for writer in self.memory.writers}
        return Listing(store=self, objects=objects)

    def newest(self) -> CheckpointId | None:
        """Of the memory's own region."""
        return max(self.own_ids(), default=None)

    def newest_checkpoint(self) -> Checkpoint | None:
        """The newest that can be read, as for the gate. Raises as `read` does when none can."""
        problem: ValueError | None = None
        for id in sorted(self.own_ids(), reverse=True):
            try:
                return self.read(Stored(writer=self.memory.region, id=id))
            except ValueError as error:
                problem = problem or error
        if problem is not None:
            raise problem
        return None

    def own_ids(self) -> frozenset[CheckpointId]:
        return frozenset(sort_names(self._objects(self.memory.region, f"{CHECKPOINTS}/")).good)

    def read(self, stored: Stored) -> Checkpoint:
        """Raises ValueError for an invalid checkpoint, OperatorError when S3 does not answer."""
        name = self._names.get((stored.writer, stored.id), CheckpointName(id=stored.id))
        return read_checkpoint(name, lambda key: self.get(stored.writer, key, LARGEST))

    def get(self, writer: str, key: str, limit: int) -> bytes:
        """At most one byte more than `limit`. Raises UnreadableObject and OperatorError."""
        key = f"{self.memory.prefix_of(writer)}/{key}"
        return read_object(self.client, self.memory.bucket, key, limit)

    def now(self) -> int:
        """S3's time: UTC in milliseconds. Raises OperatorError."""
        bucket = self.memory.bucket
        with calling(f"listing s3://{bucket}", bucket):
            answer = self.client.list_objects_v2(Bucket=bucket, Prefix=f"{self.memory.prefix}/", MaxKeys=1)
        date = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        return milliseconds(date)

    def send_request(self, name: str, request: Mapping[str, str]) -> str:
        """Write a request to the memory's gate at the key `name`; returns its URL. Raises OperatorError."""
        key = f"{self.memory.prefix}/{name}"
        with calling(f"writing s3://{self.memory.bucket}/{key}", self.memory.bucket):
            self.client.put_object(Bucket=self.memory.bucket, Key=key, Body=json.dumps(request).encode())
        return f"s3://{self.memory.bucket}/{key}"

    def _objects(self, writer: str, folder: str = "") -> dict[str, Listed]:
        """By the key below the writer's prefix, those in the folder."""
        bucket, below = self.memory.bucket, f"{self.memory.prefix_of(writer)}/"
        prefix = f"{below}{folder}"
        with calling(f"listing s3://{bucket}/{prefix}", bucket):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            objects = {
                item["Key"].removeprefix(below): Listed(item["Size"], milliseconds(item["LastModified"]))
                for page in pages
                for item in page.get("Contents", ())
            }
        self._names.update({(writer, id): name for id, name in all_names(objects).items()})
        return objects


def open_object(client: Any, bucket: str, key: str, **version: str) -> Any:
    """A stream of its content. Raises UnreadableObject, OperatorError when S3 does not answer."""
    with calling(f"reading s3://{bucket}/{plain(key)}", bucket):
        try:
            return client.get_object(Bucket=bucket, Key=key, **version)["Body"]
        except ClientError as error:
            if not concerns_object(error):
                raise
            raise UnreadableObject(f"S3 does not hand it out: {plain(error)}") from error


def read_object(client: Any, bucket: str, key: str, limit: int, **version: str) -> bytes:
    """At most one byte more than `limit`. Raises UnreadableObject and OperatorError."""
    with calling(f"reading s3://{bucket}/{plain(key)}", bucket):
        content: bytes = open_object(client, bucket, key, **version).read(limit + 1)
    return content


def milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)


class Source(Protocol):
    """Where a listing's checkpoints are read."""

    @property
    def memory(self) -> Memory: ...

    def read(self, stored: Stored) -> Checkpoint: ...


@dataclass(frozen=True, kw_only=True)
class Listing:
    store: Source
    objects: Mapping[str, Mapping[str, Listed]]
    """For each writer, by the key below its prefix."""

    def stored(self) -> list[Stored]:
        """All checkpoints, in no order."""
        names = {writer: sort_names(objects) for writer, objects in self.objects.items()}
        if not any(each.good for each in names.values()):
            # Each has followed from one that was thinned out long ago.
            known = min((id.generation for each in names.values() for id in each.ignored), default=0)
            names = {writer: sort_names(objects, known) for writer, objects in self.objects.items()}
        times = {writer: _upload_times(objects) for writer, objects in self.objects.items()}
        return [
            Stored(writer=writer, id=id, at=times[writer][id], ignored=id in each.ignored)
            for writer, each in names.items()
            for id in (*each.good, *each.ignored)
        ]

    def ranked(self, stored: Sequence[Stored]) -> Iterator[Inspected]:
        """As gates rank them, the winner first. Raises OperatorError when S3 does not answer."""
        generations = sorted({each.id.generation for each in stored}, reverse=True)
        for generation in generations:
            group = [each for each in stored if each.id.generation == generation]
            if len({each.writer for each in group}) == 1:
                yield from map(self.inspect, sorted(group, key=lambda each: each.id, reverse=True))
            else:
                yield from sorted(self.inspect_all(group), key=cmp_to_key(self._compare))

    def _compare(self, first: Inspected, second: Inspected) -> int:
        """Below 0: `first` wins. Of the same files the original wins, then the newer copy."""
        priority = self.store.memory.writers
        if first.origin != second.origin:
            return -1 if outranks(first.origin, second.origin, priority) else 1
        mine, theirs = (
            (each.stored.writer == each.origin.region, each.stored.id.at) for each in (first, second)
        )
        return (mine < theirs) - (mine > theirs)

    def inspect(self, stored: Stored) -> Inspected:
        """Whether a checkpoint can be restored. Raises OperatorError when S3 does not answer."""
        try:
            checkpoint = self.store.read(stored)
        except ValueError as error:
            return Inspected(stored=stored, checkpoint=None, problem=f"unreadable: {error}")
        sizes = {key: listed.size for key, listed in self.objects[stored.writer].items()}
        return Inspected(stored=stored, checkpoint=checkpoint, missing=tuple(checkpoint.missing(sizes)))

    def inspect_all(self, stored: Iterable[Stored]) -> list[Inspected]:
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(self.inspect, stored))


def all_names(objects: Mapping[str, Listed]) -> dict[CheckpointId, CheckpointName]:
    """How each checkpoint among the objects of a prefix is stored."""
    names = sort_names(objects)
    return {**names.ignored, **names.good}


def _upload_times(objects: Mapping[str, Listed]) -> dict[CheckpointId, int]:
    """S3's time of each checkpoint; of one that is stored twice, the first."""
    times = dict[CheckpointId, int]()
    for key, listed in objects.items():
        if name := checkpoint_name(key):
            times[name.id] = min(listed.at, times.get(name.id, listed.at))
    return times


def next_request(store: CheckpointStore, listing: Listing) -> int:
    """The number of a new restore request: a gate carries out only higher ones, and none from the future."""
    own, now = store.memory.region, store.now()
    listed = listing.objects[own].get(RESTORE)
    if listed is None:
        return now
    try:
        content = documents.parse(store.get(own, RESTORE, LARGEST_REQUEST), RESTORE, limit=LARGEST_REQUEST)
        last = int(content.text("order", pattern=REQUEST))
    except ValueError:
        return now  # A gate ignores such a request.
    return now if is_ahead(last, now) else max(now, last + 1)


def no_checkpoint(memory: Memory) -> str:
    writers = ", ".join(memory.writers)
    return (
        f"s3://{memory.bucket} has no checkpoint of {memory.name}, written by {writers}: has its gate ever"
        " uploaded? See /health on port 3010 of its pod"
    )
