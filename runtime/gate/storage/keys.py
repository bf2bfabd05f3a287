"""Keys in buckets, below `<region that wrote>/<namespace>/<component>/` (`ARCHITECTURE.md`)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

CHECKPOINTS = "_checkpoints"
REQUESTS = "_orders"
"""Files by which an operator asks for something."""
DATA = "data"
OBJECTS = "objects"
DIVERGED = "diverged"
"""Also a folder at the top of the volume."""
ANNOUNCEMENT = f"{CHECKPOINTS}/serving"
"""Exists while its writer is primary, or has not uploaded everything yet that it wrote as primary. It lies
among the checkpoints, so that one listing shows both."""
INDEX = f"{CHECKPOINTS}/index.json"
"""The names of the newest checkpoints, rewritten with each: what a reader gets instead of a listing."""
NAMES_IN_MESSAGE = 3
LARGEST_JUMP = 1000
"""From a generation to the next higher one. Each failover raises it by 1: a higher jump is no failover."""
_ID = re.compile(r"(\d{6,12})-(\d{13})", re.ASCII)


@dataclass(frozen=True, kw_only=True, order=True)
class CheckpointId:
    """The ids of one writer sort by the age of their snapshots: by generation, then by time."""

    generation: int
    at: int
    """UTC, in milliseconds."""

    def __str__(self) -> str:
        return f"{self.generation:06d}-{self.at:013d}"

    @property
    def key(self) -> str:
        """Below the writer's prefix."""
        return f"{CHECKPOINTS}/{self}.json"

    @classmethod
    def parse(cls, text: str) -> CheckpointId:
        """From an id or the name of its file; raises ValueError for anything else."""
        match = _ID.fullmatch(text.removesuffix(".json"))
        if match is None:
            raise ValueError(f"not a checkpoint id: {text!r}")
        return cls(generation=int(match[1]), at=int(match[2]))


@dataclass(frozen=True, kw_only=True, order=True)
class CheckpointName:
    """How a checkpoint is stored: as a list of all files, or as what changed `since` such a list."""

    id: CheckpointId
    since: CheckpointId | None = None

    def __str__(self) -> str:
        return str(self.id) if self.since is None else f"{self.id}~{self.since}"

    @property
    def key(self) -> str:
        """Below the writer's prefix. A gate that knows only whole lists ignores the others' names."""
        return f"{CHECKPOINTS}/{self}.json"

    @classmethod
    def parse(cls, text: str) -> CheckpointName:
        """From a name or its file; raises ValueError for anything else."""
        id, changes, since = text.removesuffix(".json").partition("~")
        name = cls(id=CheckpointId.parse(id), since=CheckpointId.parse(since) if changes else None)
        if name.since is not None and name.since >= name.id:
            raise ValueError(f"not the name of a checkpoint: {text!r}")
        return name


def prefix_of(region: str, namespace: str, component: str) -> str:
    """Where the gate of that region writes, in any bucket."""
    return f"{region}/{namespace}/{component}"


def checkpoint_ids(keys: Iterable[str]) -> list[CheckpointId]:
    """The checkpoints among the keys of a prefix, oldest first."""
    return list(checkpoint_names(keys))


def checkpoint_names(keys: Iterable[str]) -> dict[CheckpointId, CheckpointName]:
    """The checkpoints among the keys of a prefix, oldest first; the whole list where one is stored twice.

    Other files in their folder are ignored.
    """
    return plausible(name for key in keys if (name := _checkpoint_name(key)) is not None)


def plausible(names: Iterable[CheckpointName]) -> dict[CheckpointId, CheckpointName]:
    """By id, oldest first, without generations that no failovers lead to: a single object must not decide
    what every later one is called."""
    found, generation = dict[CheckpointId, CheckpointName](), 0
    for name in sorted(names, key=lambda name: (name.id, name.since is None)):
        if name.id.generation > generation + LARGEST_JUMP:
            break
        generation = name.id.generation
        found[name.id] = name
    return found


def _checkpoint_name(key: str) -> CheckpointName | None:
    folder, _, name = key.rpartition("/")
    if folder != CHECKPOINTS:
        return None
    try:
        return CheckpointName.parse(name)
    except ValueError:
        return None


def is_collectable(key: str) -> bool:
    """Only objects that checkpoints name: never requests, diverged files, or what somebody else put there."""
    return key.startswith((f"{DATA}/", f"{OBJECTS}/"))


def few(names: Collection[str]) -> str:
    """The first names, and how many more there are: for messages."""
    first = sorted(names)[:NAMES_IN_MESSAGE]
    left = len(names) - len(first)
    return ", ".join(first) + (f" and {left} more" if left else "")
