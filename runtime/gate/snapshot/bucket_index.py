"""What the own prefix holds, as its only writer remembers it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.storage.keys import (
    CheckpointId,
    CheckpointName,
    Listed,
    checkpoint_name,
    is_collectable,
    sort_names,
)


@dataclass(kw_only=True)
class BucketIndex:
    """As far as this process knows. No other process writes there."""

    stored: dict[str, int] = field(default_factory=dict)
    """Size in bytes by key, of objects that checkpoints may name."""
    names: dict[CheckpointId, CheckpointName] = field(default_factory=dict)
    """How each checkpoint is stored, oldest first."""
    ignored: dict[CheckpointId, tuple[str, int]] = field(default_factory=dict)
    """Checkpoints that no gate wrote (`keys.sort_names`): the key of each, and S3's time in milliseconds."""
    superseded: set[str] = field(default_factory=set)
    """Keys of lists of changes, of checkpoints that are stored as whole lists, too."""
    newest: Checkpoint | None = None
    listed: int = 0
    """When the prefix was listed: UTC, in milliseconds."""
    sent_bytes: int = 0
    replaced: list[str] = field(default_factory=list)
    """Objects of this pass that did not have their content, and were replaced."""

    def relist(self, listing: Mapping[str, Listed], *, known: int, now: int) -> None:
        """`known`: a generation that exists."""
        self.stored = {key: listed.size for key, listed in listing.items() if is_collectable(key)}
        self.names, ignored = sort_names(listing, known)
        self.ignored = {id: (name.key, listing[name.key].at) for id, name in ignored.items()}
        named = (name for key in listing if (name := checkpoint_name(key)))
        self.superseded = {name.key for name in named if self.names.get(name.id, name) != name}
        self.listed = now

    def forget(self, deleted: Collection[str]) -> None:
        """What was deleted from the bucket."""
        for key in deleted:
            self.stored.pop(key, None)
        self.names = {id: name for id, name in self.names.items() if name.key not in deleted}
        self.superseded.difference_update(deleted)
        self.ignored = {id: where for id, where in self.ignored.items() if where[0] not in deleted}
