"""The checkpoints of a memory in its region's bucket: its own, and those that S3 replicated there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from ops.aws import calling
from ops.memory import Memory
from runtime.gate.lineage.ranking import outranks
from runtime.gate.restore.requests import RESTORE
from runtime.gate.snapshot.checkpoint import Checkpoint, CheckpointRef
from runtime.gate.snapshot.checkpoint_changes import read_checkpoint
from runtime.gate.storage.keys import (
    CHECKPOINTS,
    CheckpointId,
    CheckpointName,
    checkpoint_ids,
    checkpoint_names,
)

READERS = 8


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A checkpoint that was listed, not read."""

    writer: str
    id: CheckpointId


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
        return f"{missing} of {all_} objects missing, such as {self.missing[0]}" if missing else "complete"


class CheckpointStore:
    def __init__(self, client: Any, memory: Memory) -> None:
        self._client, self.memory = client, memory
        self._names: dict[tuple[str, CheckpointId], CheckpointName] = {}
        """How each checkpoint is stored that was listed, by its writer."""

    def list(self) -> Listing:
        """All objects of the memory in its bucket. Raises OperatorError."""
        sizes = {writer: self._sizes(writer) for writer in self.memory.writers}
        return Listing(store=self, sizes=sizes)

    def newest(self) -> CheckpointId | None:
        """Of the memory's own region."""
        return max(self.own_ids(), default=None)

    def newest_checkpoint(self) -> Checkpoint | None:
        """Raises as `read` does."""
        id = self.newest()
        return None if id is None else self.read(Stored(writer=self.memory.region, id=id))

    def own_ids(self) -> frozenset[CheckpointId]:
        return frozenset(checkpoint_ids(self._sizes(self.memory.region, f"{CHECKPOINTS}/")))

    def read(self, stored: Stored) -> Checkpoint:
        """Raises ValueError for an invalid checkpoint, OperatorError when S3 does not answer."""
        name = self._names.get((stored.writer, stored.id), CheckpointName(id=stored.id))
        return read_checkpoint(name, lambda key: self.get(stored.writer, key))

    def get(self, writer: str, key: str) -> bytes:
        key = f"{self.memory.prefix_of(writer)}/{key}"
        with calling(f"reading s3://{self.memory.bucket}/{key}", self.memory.bucket):
            body: bytes = self._client.get_object(Bucket=self.memory.bucket, Key=key)["Body"].read()
        return body

    def send_request(self, name: str, request: Mapping[str, str]) -> str:
        """Write a request to the memory's gate at the key `name`; returns its URL. Raises OperatorError."""
        key = f"{self.memory.prefix}/{name}"
        with calling(f"writing s3://{self.memory.bucket}/{key}", self.memory.bucket):
            self._client.put_object(Bucket=self.memory.bucket, Key=key, Body=json.dumps(request).encode())
        return f"s3://{self.memory.bucket}/{key}"

    def _sizes(self, writer: str, folder: str = "") -> dict[str, int]:
        """Sizes by the key below the writer's prefix, of the objects in the folder."""
        bucket, below = self.memory.bucket, f"{self.memory.prefix_of(writer)}/"
        prefix = f"{below}{folder}"
        with calling(f"listing s3://{bucket}/{prefix}", bucket):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            sizes = {
                item["Key"].removeprefix(below): item["Size"]
                for page in pages
                for item in page.get("Contents", ())
            }
        self._names.update({(writer, id): name for id, name in checkpoint_names(sizes).items()})
        return sizes


@dataclass(frozen=True, kw_only=True)
class Listing:
    store: CheckpointStore
    sizes: Mapping[str, Mapping[str, int]]
    """For each writer: keys below its prefix, and their sizes."""

    def stored(self) -> list[Stored]:
        """All checkpoints, in no order."""
        return [
            Stored(writer=writer, id=id)
            for writer, sizes in self.sizes.items()
            for id in checkpoint_ids(sizes)
        ]

    def last_request(self) -> int:
        """The number of the last restore request, else 0: a gate carries out only higher numbers."""
        own = self.store.memory.region
        if RESTORE not in self.sizes[own]:
            return 0
        try:
            return int(json.loads(self.store.get(own, RESTORE))["order"])
        except (ValueError, KeyError, TypeError):
            return 0  # A gate ignores such a request.

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
        missing = tuple(checkpoint.missing(self.sizes[stored.writer]))
        return Inspected(stored=stored, checkpoint=checkpoint, missing=missing)

    def inspect_all(self, stored: Iterable[Stored]) -> list[Inspected]:
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(self.inspect, stored))


def no_checkpoint(memory: Memory) -> str:
    writers = ", ".join(memory.writers)
    return (
        f"s3://{memory.bucket} has no checkpoint of {memory.name}, written by {writers}: has its gate ever"
        " uploaded? See /health on port 3010 of its pod"
    )
