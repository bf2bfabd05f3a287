"""Deletes old checkpoints of a prefix, and the objects that no checkpoint has named for a day."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from runtime.contracts.gate import Retention
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.snapshot.checkpoint_changes import named_keys
from runtime.gate.snapshot.retention import HOUR_MS, aged, due, thin
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.durable import read_document, write_atomically
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.files import clear
from runtime.gate.storage.keys import SLACK_MS, CheckpointId, CheckpointName

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
        stored: Collection[str],
        names: Mapping[CheckpointId, CheckpointName],
        newest: Checkpoint,
        retention: Retention,
        now: int,
        useless: Collection[str] = (),
    ) -> frozenset[str]:
        """Returns the deleted keys, of the objects that are `stored` now, of the checkpoints of these
        `names`, and `useless` ones: of checkpoints that count for nothing.

        The caller makes sure that nobody else writes there meanwhile. Raises StoreError, also for a
        checkpoint that cannot be read: its objects are unknown, so no object is deleted.
        """
        at, ages = self._load()
        self._save(now, ages)  # A run that fails is repeated after an hour, too.
        thinned = thin(names, now, retention)
        built_on = {name.since for id, name in names.items() if id not in thinned}
        thinned = frozenset(id for id in thinned if id not in built_on)
        gone = [*(names[id].key for id in sorted(thinned)), *sorted(useless)]
        store.delete(gone)
        unnamed = set(stored).difference(file.key for file in newest.files.values())
        others = [name for id, name in names.items() if id not in thinned and id != newest.id]
        for keys in self._each(store, others if unnamed else []):
            unnamed -= keys
        ages = aged(unnamed, ages, now - at)
        deleted = due(ages)
        store.delete(sorted(deleted))
        self._save(now, {key: age for key, age in ages.items() if key not in deleted})
        return deleted.union(gone)

    def _each(self, store: Store, names: Sequence[CheckpointName]) -> Iterator[set[str]]:
        """The keys that each document of a checkpoint names: what a checkpoint names is in its own, or in the
        whole list on which it builds. Only one is in memory at a time."""
        try:
            for start in range(0, len(names), _BATCH):
                some = names[start : start + _BATCH]
                store.download([name.key for name in some], self._downloads)
                for name in some:
                    yield read_keys((self._downloads / name.key).read_bytes(), name, store)
                clear(self._downloads)
        finally:
            clear(self._downloads)

    def _load(self) -> tuple[int, dict[str, int]]:
        try:
            record = read_document(self._file)
            ages = record and record.object("unnamed")
            if record and ages:
                return record.number("at"), {key: ages.number(key) for key in ages.names()}
        except (OSError, ValueError):
            pass
        return 0, {}

    def _save(self, now: int, unnamed: Mapping[str, int]) -> None:
        write_atomically(self._file, json.dumps({"at": now, "unnamed": dict(unnamed)}, indent=0).encode())


def read_keys(content: bytes, name: CheckpointName, store: Store) -> set[str]:
    """Raises StoreError for a damaged checkpoint."""
    try:
        return named_keys(content, name)
    except ValueError as error:
        raise StoreError(
            f"{store}/{name.key} is damaged: {error}. Delete it; older checkpoints stay"
        ) from error
