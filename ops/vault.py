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
from runtime.gate.snapshot.checkpoint import Checkpoint, CheckpointRef, parse_checkpoint
from runtime.gate.storage.keys import CHECKPOINTS, CheckpointId, checkpoint_ids

READERS = 8


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A checkpoint that was listed, not read."""

    writer: str
    id: CheckpointId


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A checkpoint that was read, or why it could not be read, and which of its objects are missing."""

    stored: Stored
    checkpoint: Checkpoint | None
    lacking: tuple[str, ...] = ()
    """Keys that are missing or not of the size that they should have."""
    fault: str = ""

    @property
    def whole(self) -> bool:
        return self.checkpoint is not None and not self.lacking

    @property
    def stands(self) -> CheckpointRef:
        """The checkpoint whose files it has: a standby's copy stands for the checkpoint that it copied."""
        own = CheckpointRef(region=self.stored.writer, checkpoint=self.stored.id)
        return self.checkpoint.origin if self.checkpoint else own

    @property
    def state(self) -> str:
        if self.checkpoint is None:
            return self.fault
        lacking, named = len(self.lacking), len({file.key for file in self.checkpoint.files.values()})
        return f"{lacking} of {named} objects missing, such as {self.lacking[0]}" if lacking else "whole"


class Vault:
    def __init__(self, client: Any, memory: Memory) -> None:
        self._client, self.memory = client, memory

    def list(self) -> Listing:
        """All objects of the memory in its bucket. Raises OperatorError."""
        sizes = {writer: self._sizes(writer) for writer in self.memory.writers}
        return Listing(vault=self, sizes=sizes)

    def newest(self) -> CheckpointId | None:
        """Of the checkpoints that the memory's own region wrote."""
        return max(self.own_ids(), default=None)

    def own_ids(self) -> frozenset[CheckpointId]:
        return frozenset(checkpoint_ids(self._sizes(self.memory.region, f"{CHECKPOINTS}/")))

    def read(self, stored: Stored) -> Checkpoint:
        """Raises ValueError for an invalid checkpoint, OperatorError when S3 does not answer."""
        return parse_checkpoint(self.get(stored.writer, stored.id.key), stored.id)

    def get(self, writer: str, key: str) -> bytes:
        key = f"{self.memory.prefix_of(writer)}/{key}"
        with calling(f"reading s3://{self.memory.bucket}/{key}", self.memory.bucket):
            body: bytes = self._client.get_object(Bucket=self.memory.bucket, Key=key)["Body"].read()
        return body

    def order(self, name: str, request: Mapping[str, str]) -> str:
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
            return {
                item["Key"].removeprefix(below): item["Size"]
                for page in pages
                for item in page.get("Contents", ())
            }


@dataclass(frozen=True, kw_only=True)
class Listing:
    vault: Vault
    sizes: Mapping[str, Mapping[str, int]]
    """For each writer: keys below its prefix, and their sizes."""

    def stored(self) -> list[Stored]:
        """All checkpoints, in no order."""
        return [
            Stored(writer=writer, id=id)
            for writer, sizes in self.sizes.items()
            for id in checkpoint_ids(sizes)
        ]

    def last_order(self) -> int:
        """The number of the last restore request, 0 without one: a gate carries out higher numbers alone."""
        own = self.vault.memory.region
        if RESTORE not in self.sizes[own]:
            return 0
        try:
            return int(json.loads(self.vault.get(own, RESTORE))["order"])
        except (ValueError, KeyError, TypeError):
            return 0  # No request that a gate would carry out.

    def ranked(self, stored: Sequence[Stored]) -> Iterator[Judged]:
        """As gates rank them, the winner first. Raises OperatorError when S3 does not answer."""
        generations = sorted({each.id.generation for each in stored}, reverse=True)
        for generation in generations:
            group = [each for each in stored if each.id.generation == generation]
            if len({each.writer for each in group}) == 1:
                yield from map(self.judge, sorted(group, key=lambda each: each.id, reverse=True))
            else:
                yield from sorted(self.judge_all(group), key=cmp_to_key(self._compare))

    def _compare(self, first: Judged, second: Judged) -> int:
        """Below 0: `first` wins. Of the same files the original wins, then the newer copy."""
        order = self.vault.memory.writers
        if first.stands != second.stands:
            return -1 if outranks(first.stands, second.stands, order) else 1
        mine, theirs = (
            (each.stored.writer == each.stands.region, each.stored.id.at) for each in (first, second)
        )
        return (mine < theirs) - (mine > theirs)

    def judge(self, stored: Stored) -> Judged:
        """Whether a checkpoint can be restored. Raises OperatorError when S3 does not answer."""
        try:
            checkpoint = self.vault.read(stored)
        except ValueError as error:
            return Judged(stored=stored, checkpoint=None, fault=f"unreadable: {error}")
        lacking = checkpoint.missing(self.sizes[stored.writer])
        return Judged(stored=stored, checkpoint=checkpoint, lacking=tuple(lacking))

    def judge_all(self, stored: Iterable[Stored]) -> list[Judged]:
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(self.judge, stored))


def nothing_there(memory: Memory) -> str:
    writers = ", ".join(memory.writers)
    return (
        f"s3://{memory.bucket} holds no checkpoint of {memory.name} (writers looked for: {writers}): has its"
        " gate ever uploaded? See /health on its port 3010"
    )
