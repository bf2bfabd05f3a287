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
WRITE_ONCE = (f"{DATA}/*", f"{OBJECTS}/*", f"{DIVERGED}/*", f"{CHECKPOINTS}/*-?????????????.json")
"""Keys that never get other content, as the bucket's policy names them. The last are the checkpoints, by the
time in their names; other keys in their folder change."""
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


def prefix_of(region: str, namespace: str, component: str) -> str:
    """Where the gate of that region writes, in any bucket."""
    return f"{region}/{namespace}/{component}"


class Listed(NamedTuple):
    """An object in a listing."""

    size: int
    """Bytes."""
    at: int
    """S3's time of the upload (`LastModified`): UTC, in milliseconds."""


class CheckpointIds(NamedTuple):
    """Those of a listing, each oldest first."""

    good: list[CheckpointId]
    ignored: list[CheckpointId]
    """With a time after S3's own, or a generation that no failovers lead to: no gate writes such ids."""


def sort_ids(listing: Mapping[str, Listed], known: int = 0) -> CheckpointIds:
    """A single object must not decide which checkpoint is the newest, nor what later ones are called.

    `known`: a generation that exists.
    """
    named = {id: listed.at for key, listed in listing.items() if (id := _checkpoint_id(key)) is not None}
    good = checkpoint_ids((id.key for id, at in named.items() if not is_ahead(id.at, at)), known)
    return CheckpointIds(good, sorted(named.keys() - set(good)))


def is_ahead(time: int, at: int) -> bool:
    """Whether a time in a name is after S3's time of the upload; both in milliseconds."""
    return time > at + SLACK_MS


def checkpoint_ids(keys: Iterable[str], known: int = 0) -> list[CheckpointId]:
    """The checkpoints among the keys of a prefix, oldest first.

    Other files in their folder are ignored, and ids with a generation that no failovers lead to.
    `known`: a generation that exists.
    """
    ids = sorted(id for key in keys if (id := _checkpoint_id(key)) is not None)
    plausible, generation = list[CheckpointId](), known
    for id in ids:
        if id.generation > generation + LARGEST_JUMP:
            break
        generation = max(generation, id.generation)
        plausible.append(id)
    return plausible


def _checkpoint_id(key: str) -> CheckpointId | None:
    folder, _, name = key.rpartition("/")
    if folder != CHECKPOINTS:
        return None
    try:
        return CheckpointId.parse(name)
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
