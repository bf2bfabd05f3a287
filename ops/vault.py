"""The checkpoints of a memory in its own bucket, its own and those that S3 replicated there."""

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
    """A checkpoint that is listed; what it holds has to be read."""

    writer: str
    id: CheckpointId


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A checkpoint that was read, or why it could not be, and what it names that is not there."""

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
        """The point that its memory stands for: a standby's copy is what it copied."""
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
        """Everything of the memory that lies in its bucket. Raises OperatorError."""
        sizes = {writer: self._sizes(writer) for writer in self.memory.writers}
        return Listing(vault=self, sizes=sizes)

    def newest(self) -> CheckpointId | None:
        """Of those that the memory's own region wrote."""
        return max(self.own_ids(), default=None)

    def own_ids(self) -> frozenset[CheckpointId]:
        return frozenset(checkpoint_ids(self._sizes(self.memory.region, f"{CHECKPOINTS}/")))

    def read(self, stored: Stored) -> Checkpoint:
        """Raises ValueError for what is no checkpoint, OperatorError when it can't be had."""
        return parse_checkpoint(self.get(stored.writer, stored.id.key).decode(), stored.id)

    def get(self, writer: str, key: str) -> bytes:
        key = f"{self.memory.prefix_of(writer)}/{key}"
        with calling(f"reading s3://{self.memory.bucket}/{key}", self.memory.bucket):
            body: bytes = self._client.get_object(Bucket=self.memory.bucket, Key=key)["Body"].read()
        return body

    def order(self, name: str, told: Mapping[str, str]) -> str:
        """Write an order for the memory's gate at the key `name`; returns its URL. Raises OperatorError."""
        key = f"{self.memory.prefix}/{name}"
        with calling(f"writing s3://{self.memory.bucket}/{key}", self.memory.bucket):
            self._client.put_object(Bucket=self.memory.bucket, Key=key, Body=json.dumps(told).encode())
        return f"s3://{self.memory.bucket}/{key}"

    def _sizes(self, writer: str, folder: str = "") -> dict[str, int]:
        """Sizes by the key below the writer's prefix, of what lies in the folder."""
        bucket, below = self.memory.bucket, f"{self.memory.prefix_of(writer)}/"
        prefix = f"{below}{folder}"
        with calling(f"listing s3://{bucket}/{prefix}", bucket):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return {
                one["Key"].removeprefix(below): one["Size"]
                for page in pages
                for one in page.get("Contents", ())
            }


@dataclass(frozen=True, kw_only=True)
class Listing:
    vault: Vault
    sizes: Mapping[str, Mapping[str, int]]
    """Of each writer: keys below its prefix, and their sizes."""

    def stored(self) -> list[Stored]:
        """All checkpoints, in no order."""
        return [
            Stored(writer=writer, id=id)
            for writer, sizes in self.sizes.items()
            for id in checkpoint_ids(sizes)
        ]

    def last_order(self) -> int:
        """The number of the last order to restore, 0 without one: a gate carries out higher ones alone."""
        own = self.vault.memory.region
        if RESTORE not in self.sizes[own]:
            return 0
        try:
            return int(json.loads(self.vault.get(own, RESTORE))["order"])
        except (ValueError, KeyError, TypeError):
            return 0  # no order that a gate would carry out

    def ranked(self, stored: Sequence[Stored]) -> Iterator[Judged]:
        """As gates rank them, the winner first. Raises OperatorError when S3 does not answer."""
        generations = sorted({one.id.generation for one in stored}, reverse=True)
        for generation in generations:
            group = [one for one in stored if one.id.generation == generation]
            if len({one.writer for one in group}) == 1:
                yield from map(self.judge, sorted(group, key=lambda one: one.id, reverse=True))
            else:
                yield from sorted(self.judge_all(group), key=cmp_to_key(self._compare))

    def _compare(self, one: Judged, other: Judged) -> int:
        """Below 0: `one` wins. Of equal memories the one that is no copy wins, then the newer."""
        order = self.vault.memory.writers
        if one.stands != other.stands:
            return -1 if outranks(one.stands, other.stands, order) else 1
        mine, theirs = (
            (each.stored.writer == each.stands.region, each.stored.id.at) for each in (one, other)
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
        " gate ever copied? Its /health on port 3010 says so"
    )
