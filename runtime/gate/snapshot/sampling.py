"""Reads back what was uploaded, a little each hour: nobody may replace a company's copies unnoticed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runtime.gate.snapshot.checkpoint import Checkpoint, StoredFile
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.errors import StoreError, Unreachable
from runtime.gate.storage.keys import SLACK_MS, CheckpointId, CheckpointName, few

EVERY_SECONDS = 3600.0
OBJECTS = 16
"""In each sample: about 12,000 requests a month."""
BYTES = 64 << 20
"""In each sample, unless a single object is larger."""
BATCH = 200
"""Objects that are read at a time once one of the sample is damaged: then all are read."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Some objects of the newest checkpoint."""

    damaged: frozenset[str] = frozenset()
    """Keys of objects with other content than was uploaded, or that S3 does not hand out."""
    new: int = 0
    """How many of them were not damaged in the last sample."""
    lists: tuple[CheckpointName, ...] = ()
    """Those of the checkpoint itself that are damaged."""


class Sampler:
    """Used by one thread."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._last: float | None = None
        self._next = ""
        """The first key of the next sample, in their order."""
        self._damaged: frozenset[str] = frozenset()
        """Of the last sample."""
        self._of: CheckpointId | None = None
        """The checkpoint of the last sample, if something was damaged."""

    def run(
        self, store: Store, newest: Checkpoint, stored: Mapping[str, int], lists: Mapping[str, str]
    ) -> Sample | None:
        """None when none is due. `stored`: the objects that the bucket lists, without which nothing is known
        to be missing; `lists`: SHA-256 of those that store the newest checkpoint, by key. Raises
        StoreError."""
        if not self._is_due(store, newest):
            return None
        named = {file.key: file for file in newest.files.values() if file.key in stored}
        chosen = self._choose(named)
        damaged = _damaged(store, chosen)
        if damaged - self._damaged:
            others = {key: file for key, file in named.items() if key not in chosen}
            for batch in _batches(others):
                damaged |= _damaged(store, batch)
        damaged_lists = _damaged_lists(store, newest, lists)
        new = len(damaged - self._damaged)
        self._last, self._damaged = store.now(), damaged
        self._of = newest.id if damaged or damaged_lists else None
        return Sample(damaged=damaged, new=new, lists=damaged_lists)

    def to_repair(self, newest: Checkpoint, damaged: frozenset[str]) -> set[str]:
        """The damaged objects whose right content is on the volume. They are read again in the next pass."""
        found = {
            file.key
            for path, file in newest.files.items()
            if file.key in damaged and self._is_on_volume(path, file)
        }
        if found:
            self._last = None
        return found

    def _is_due(self, store: Store, newest: Checkpoint) -> bool:
        if self._last is None or self._of not in (None, newest.id):
            return True
        return not -SLACK_MS / 1000 <= store.now() - self._last < EVERY_SECONDS

    def _is_on_volume(self, path: str, file: StoredFile) -> bool:
        try:
            return self._volume.sha256(path) == file.sha256
        except OSError:
            return False

    def _choose(self, named: Mapping[str, StoredFile]) -> dict[str, StoredFile]:
        """What was damaged before, and the next few in the order of their keys."""
        keys = sorted(named)
        if not self._next and keys:
            self._next = random.choice(keys)
        start = next((number for number, key in enumerate(keys) if key >= self._next), 0)
        chosen = {key: named[key] for key in self._damaged if key in named}
        size = 0
        for number, key in enumerate([*keys[start:], *keys[:start]]):
            size += named[key].size
            if number == OBJECTS or (number and size > BYTES):
                self._next = key
                break
            chosen[key] = named[key]
        return chosen


def message(damaged: frozenset[str], repaired: set[str], *, checkpoint: bool) -> str:
    """For people."""
    what = [f"{len(damaged)} objects ({few(damaged)})"] if damaged else []
    what += ["the newest checkpoint"] if checkpoint else []
    done = (
        f"{len(repaired)} were uploaded again from the volume" if repaired else "the volume has none of them"
    )
    return f"{' and '.join(what)} had other content in the bucket than was uploaded" + (
        f"; {done}" if damaged else "; it was uploaded again"
    )


def _damaged(store: Store, files: Mapping[str, StoredFile]) -> frozenset[str]:
    hashes = store.hashes(files)
    return frozenset(key for key, file in files.items() if hashes.get(key) != file.sha256)


def _batches(files: Mapping[str, StoredFile]) -> Iterator[dict[str, StoredFile]]:
    rows = sorted(files.items())
    return (dict(rows[first : first + BATCH]) for first in range(0, len(rows), BATCH))


def _damaged_lists(store: Store, newest: Checkpoint, hashes: Mapping[str, str]) -> tuple[CheckpointName, ...]:
    """That of what changed, and the whole list on which it builds if that is one. They are not parsed: a
    second checkpoint of 100,000 files would need as much memory as all else."""
    whole = CheckpointName(id=newest.since or newest.id)
    damaged = {name for name in {newest.name, whole} if not _is_good(store, name.key, hashes)}
    if whole != newest.name and whole in damaged:
        return (newest.name, whole)
    return (newest.name,) if damaged else ()


def _is_good(store: Store, key: str, hashes: Mapping[str, str]) -> bool:
    try:
        return hashlib.sha256(store.read(key)).hexdigest() == hashes[key]
    except Unreachable:
        raise
    except StoreError:
        return False
