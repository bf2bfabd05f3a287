"""Keys in buckets, below `<region that wrote>/<namespace>/<component>/` (`ARCHITECTURE.md`)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

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
WRITE_ONCE = (f"{DATA}/*", f"{OBJECTS}/*", f"{DIVERGED}/*", f"{CHECKPOINTS}/*-?????????????.json")
"""Keys that never get other content, as the bucket's policy names them. The last are the checkpoints in both
forms, by the time in their names; other keys in their folder change."""
NAMES_IN_MESSAGE = 3
LARGEST_JUMP = 1000
"""From a generation to the next higher one. Each failover raises it by 1: a higher jump is no failover."""
SLACK_MS = 15 * 60_000
"""By how much the time in a name may be ahead of S3's time. A gate knows that to five minutes."""
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
        if match and str(id := cls(generation=int(match[1]), at=int(match[2]))) == match[0]:
            return id  # Each id has one name.
        raise ValueError(f"not a checkpoint id: {text[:80]!a}")


@dataclass(frozen=True, kw_only=True)
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
        if str(name) != text.removesuffix(".json") or (name.since is not None and name.since >= name.id):
            raise ValueError(f"not the name of a checkpoint: {text[:80]!a}")
        return name


def prefix_of(region: str, namespace: str, component: str) -> str:
    """Where the gate of that region writes, in any bucket."""
    return f"{region}/{namespace}/{component}"


class Listed(NamedTuple):
    """An object in a listing."""

    size: int
    """Bytes."""
    at: int
    """S3's time of the upload (`LastModified`): UTC, in milliseconds."""


class SortedNames(NamedTuple):
    """Of the checkpoints in a listing, each oldest first."""

    good: dict[CheckpointId, CheckpointName]
    ignored: dict[CheckpointId, CheckpointName]
    """With a time after S3's own, or a generation that no failovers lead to: no gate writes such ids."""


def sort_names(listing: Mapping[str, Listed], known: int = 0) -> SortedNames:
    """A single object must not decide which checkpoint is the newest, nor what later ones are called.

    `known`: a generation that exists.
    """
    named = {name: listed.at for key, listed in listing.items() if (name := checkpoint_name(key))}
    found = by_id(name for name, at in named.items() if not is_ahead(name.id.at, at))
    good = {id: found[id] for id in plausible(found, known)}
    return SortedNames(good, by_id(name for name in named if name.id not in good))


def is_ahead(time: int, at: int) -> bool:
    """Whether a time in a name is after S3's time of the upload; both in milliseconds."""
    return time > at + SLACK_MS


def plausible(ids: Collection[CheckpointId], known: int = 0) -> list[CheckpointId]:
    """The oldest first, without generations that no failovers lead to. `known`: a generation that exists."""
    found, generation = list[CheckpointId](), known
    for id in sorted(ids):
        if id.generation > generation + LARGEST_JUMP:
            break
        generation = max(generation, id.generation)
        found.append(id)
    return found


def by_id(names: Iterable[CheckpointName]) -> dict[CheckpointId, CheckpointName]:
    """The oldest first; of a checkpoint that is stored twice, the whole list."""
    return {name.id: name for name in sorted(names, key=lambda name: (name.id, name.since is None))}


def checkpoint_name(key: str) -> CheckpointName | None:
    """None for a key of anything else."""
    folder, _, name = key.rpartition("/")
    if folder != CHECKPOINTS or not name.endswith(".json"):
        return None
    try:
        return CheckpointName.parse(name)
    except ValueError:
        return None


def is_collectable(key: str) -> bool:
    """Only objects that checkpoints name: never requests, diverged files, or what somebody else put there."""
    return key.startswith((f"{DATA}/", f"{OBJECTS}/"))


def is_write_once(key: str) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in WRITE_ONCE)


def few(names: Collection[str]) -> str:
    """The first names, and how many more there are: for messages."""
    first = sorted(names)[:NAMES_IN_MESSAGE]
    left = len(names) - len(first)
    return ", ".join(first) + (f" and {left} more" if left else "")
