"""Thins the checkpoints of a prefix, and deletes the objects that none has named for a day."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from runtime.gate.checkpoint import Checkpoint, CheckpointId, ids_among, parse
from runtime.gate.durable import write_atomically
from runtime.gate.retention import HOUR_MS, aged, due, is_collectable, thin
from runtime.gate.settings import Retention
from runtime.gate.store import Store, StoreError

UNNAMED_FILE = "unnamed.json"
"""`{"at": …, "unnamed": {key: …}}`, in milliseconds: the last run, and for how long none named a key."""
EVERY_MS = HOUR_MS
_TOGETHER = 10
"""Checkpoints that are fetched at a time; one of 10,000 files has 2 MB."""


class Collector:
    """Remembers in `folder`. Forgetting makes it wait another day, never delete sooner."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / UNNAMED_FILE
        self._fetched = folder / "collecting"

    def is_due(self, now: int) -> bool:
        """At most once an hour; `now` in milliseconds. A last run in the future was a wrong clock's."""
        at = self._remembered()[0]
        return not 0 <= now - at < EVERY_MS

    def run(
        self, store: Store, stored: Mapping[str, int], newest: Checkpoint, retention: Retention, now: int
    ) -> frozenset[str]:
        """Returns the keys that are gone, of those that are `stored` now.

        The caller makes sure that nobody else writes there meanwhile. Raises StoreError, also for a
        checkpoint that can't be read: what it names is not known, so no object is deleted.
        """
        at, ages = self._remembered()
        self._remember(now, ages)  # Also what fails is tried but once an hour.
        ids = set(ids_among(stored))
        thinned = thin(ids, now, retention)
        store.delete([id.key for id in sorted(thinned)])
        others = sorted(ids - thinned - {newest.id})
        unnamed = {key for key in stored if is_collectable(key)}
        unnamed -= {file.key for file in newest.files.values()}
        for other in self._each(store, others if unnamed else []):
            unnamed -= {file.key for file in other.files.values()}
        ages = aged(unnamed, ages, now - at)
        gone = due(ages)
        store.delete(sorted(gone))
        self._remember(now, {key: age for key, age in ages.items() if key not in gone})
        return gone | {id.key for id in thinned}

    def _each(self, store: Store, ids: Collection[CheckpointId]) -> Iterator[Checkpoint]:
        """One after another, so that only one is in memory."""
        left = list(ids)
        try:
            while left:
                some, left = left[:_TOGETHER], left[_TOGETHER:]
                store.download([id.key for id in some], self._fetched)
                for id in some:
                    yield read_checkpoint((self._fetched / id.key).read_bytes(), id, store)
                shutil.rmtree(self._fetched, ignore_errors=True)
        finally:
            shutil.rmtree(self._fetched, ignore_errors=True)

    def _remembered(self) -> tuple[int, dict[str, int]]:
        try:
            told = json.loads(self._file.read_bytes())
            return int(told["at"]), {str(key): int(at) for key, at in told["unnamed"].items()}
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return 0, {}

    def _remember(self, now: int, unnamed: Mapping[str, int]) -> None:
        write_atomically(self._file, json.dumps({"at": now, "unnamed": dict(unnamed)}, indent=0).encode())


def read_checkpoint(content: bytes, id: CheckpointId, store: Store) -> Checkpoint:
    """Raises StoreError for what is none."""
    try:
        return parse(content.decode(), id)
    except ValueError as error:
        raise StoreError(f"{store}/{id.key} is damaged: {error}. Delete it; older ones stay") from error
