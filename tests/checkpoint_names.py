"""The checkpoints among the keys of a prefix."""

from __future__ import annotations

from collections.abc import Iterable

from runtime.gate.storage.keys import CheckpointId, CheckpointName, by_id, checkpoint_name


def checkpoint_names(keys: Iterable[str]) -> dict[CheckpointId, CheckpointName]:
    """How each is stored, the oldest first."""
    return by_id(name for key in keys if (name := checkpoint_name(key)) is not None)


def checkpoint_ids(keys: Iterable[str]) -> list[CheckpointId]:
    """The oldest first."""
    return list(checkpoint_names(keys))
