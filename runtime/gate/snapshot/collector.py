"""Deletes old checkpoints of a prefix, and the objects that no checkpoint has named for a day."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from runtime.contracts.gate import Retention
from runtime.gate.snapshot.checkpoint import Checkpoint, parse_checkpoint
from runtime.gate.snapshot.retention import HOUR_MS, aged, due, thin
from runtime.gate.storage.bucket import Store, StoreError
from runtime.gate.storage.durable import write_atomically
from runtime.gate.storage.keys import SLACK_MS, CheckpointId, checkpoint_ids, is_collectable

UNNAMED_FILE = "unnamed.json"
"""`{"at": …, "unnamed": {key: …}}`: time of the last run, and for how long no checkpoint has named a key; in
milliseconds."""
EVERY_MS = HOUR_MS
_BATCH = 10
"""Checkpoints that are downloaded at a time; a checkpoint of 10,000 files has 2 MB."""


class Collector:
    """Keeps its record in `folder`. When the record is lost, objects live a day longer, never shorter."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / UNNAMED_FILE
        self._downloads = folder / "collecting"

    def is_due(self, now: int) -> bool:
        """At most once an hour; `now` in milliseconds. A last run far in the future is the mistake of a wrong
        clock."""
        at = self._load()[0]
        return not -SLACK_MS <= now - at < EVERY_MS

    def run(
        self,
        store: Store,
        stored: Mapping[str, int],
        newest: Checkpoint,
        retention: Retention,
        now: int,
        ignored: Collection[CheckpointId] = (),
    ) -> frozenset[str]:
        """Returns the deleted keys of those that are `stored` now. `ignored`: checkpoints that count for
        nothing, and go.

        The caller makes sure that nobody else writes there meanwhile. Raises StoreError, also for a
        checkpoint that cannot be read: its objects are unknown, so no object is deleted.
        """
        at, ages = self._load()
        self._save(now, ages)  # A run that fails is repeated after an hour, too.
        ids = {id for id in checkpoint_ids(stored, newest.id.generation) if id not in ignored}
        thinned = thin(ids, now, retention) | frozenset(ignored)
        store.delete([id.key for id in sorted(thinned)])
        others = sorted(ids - thinned - {newest.id})
        unnamed = {key for key in stored if is_collectable(key)}
        unnamed -= {file.key for file in newest.files.values()}
        for other in self._each(store, others if unnamed else []):
            unnamed -= {file.key for file in other.files.values()}
        ages = aged(unnamed, ages, now - at)
        deleted = due(ages)
        store.delete(sorted(deleted))
        self._save(now, {key: age for key, age in ages.items() if key not in deleted})
        return deleted | {id.key for id in thinned}

    def _each(self, store: Store, ids: Collection[CheckpointId]) -> Iterator[Checkpoint]:
        """Only one checkpoint is in memory at a time."""
        left = list(ids)
        try:
            while left:
                some, left = left[:_BATCH], left[_BATCH:]
                store.download([id.key for id in some], self._downloads)
                for id in some:
                    yield read_stored((self._downloads / id.key).read_bytes(), id, store)
                shutil.rmtree(self._downloads, ignore_errors=True)
        finally:
            shutil.rmtree(self._downloads, ignore_errors=True)

    def _load(self) -> tuple[int, dict[str, int]]:
        try:
            record = json.loads(self._file.read_bytes())
            return int(record["at"]), {str(key): int(at) for key, at in record["unnamed"].items()}
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return 0, {}

    def _save(self, now: int, unnamed: Mapping[str, int]) -> None:
        write_atomically(self._file, json.dumps({"at": now, "unnamed": dict(unnamed)}, indent=0).encode())


def read_stored(content: bytes, id: CheckpointId, store: Store) -> Checkpoint:
    """Raises StoreError for a damaged checkpoint."""
    try:
        return parse_checkpoint(content, id)
    except ValueError as error:
        raise StoreError(
            f"{store}/{id.key} is damaged: {error}. Delete it; older checkpoints stay"
        ) from error
