"""The index of a writer's checkpoints: one small object that readers get instead of listing the prefix.

The writer rewrites it with each checkpoint. It proves no more than a listing: who can write it can write
checkpoints, too. But it has no times of S3's, so a reader asks `is_credible` first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from runtime import documents
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.keys import (
    ANNOUNCEMENT,
    CHECKPOINTS,
    INDEX,
    CheckpointId,
    CheckpointName,
    Listed,
    by_id,
    is_ahead,
    plausible,
    sort_names,
)

NAMED = 200
"""Checkpoints in an index: the newest. Readers want the newest complete one."""
LARGEST = 64 << 10
"""Bytes of an index."""


@dataclass(frozen=True, kw_only=True)
class CheckpointIndex:
    names: Mapping[CheckpointId, CheckpointName]
    """Oldest first."""
    serving: bool
    """What the announcement says (`keys.ANNOUNCEMENT`)."""

    def dump(self) -> bytes:
        names = [str(name) for name in self.names.values()]
        return json.dumps({"checkpoints": names[-NAMED:], "serving": self.serving}).encode()

    @classmethod
    def parse(cls, data: bytes) -> CheckpointIndex:
        """Raises ValueError for anything else."""
        content = documents.parse(data, INDEX, limit=LARGEST)
        names = [CheckpointName.parse(name) for name in content.texts("checkpoints")]
        return cls(names=by_id(names), serving=content.flag("serving", default=False))

    @classmethod
    def of(cls, listing: Mapping[str, Listed], known: int) -> CheckpointIndex:
        """What a listing of the prefix, or of its checkpoints, shows. `known`: a generation that exists."""
        return cls(names=sort_names(listing, known).good, serving=ANNOUNCEMENT in listing)

    def is_credible(self, now: float, known: int) -> bool:
        """Whether a listing may show all of it as good checkpoints. `now`: S3's time in seconds, and no time
        in a listing is after it; `known`: a generation that exists."""
        ahead = any(is_ahead(id.at, int(now * 1000)) for id in self.names)
        return not ahead and len(plausible(self.names, known)) == len(self.names)


def read_index(store: Store) -> CheckpointIndex | None:
    """None without a valid one. Raises Unreachable."""
    content = store.find(INDEX)
    if content is None:
        return None
    try:
        return CheckpointIndex.parse(content)
    except ValueError:
        return None


def publish(
    store: Store,
    *,
    known: int = 0,
    names: Mapping[CheckpointId, CheckpointName] | None = None,
    serving: bool | None = None,
    exists: bool = True,
) -> None:
    """Make the own prefix's index say so; None leaves that part as it is. `known`: a generation that exists.
    Raises StoreError."""
    found = read_index(store) if exists else None
    if names is None or serving is None:
        current = found or CheckpointIndex.of(store.listing(CHECKPOINTS), known)
        names = current.names if names is None else names
        serving = current.serving if serving is None else serving
    index = CheckpointIndex(names=names, serving=serving)
    if found is None or index.dump() != found.dump():
        store.put(INDEX, index.dump())
