"""What a checkpoint is: the manifest of a snapshot, file by file (`ARCHITECTURE.md`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.gate.snapshot.lance import table_of
from runtime.gate.storage import durable
from runtime.gate.storage.keys import CheckpointId

RESTORED = "taken.json"
"""In the gate's folder on the volume: the checkpoint from which the active files were restored."""
UPLOADED = "line.json"
"""Beside it: the newest checkpoint of the active files that was uploaded since."""


@dataclass(frozen=True, kw_only=True)
class CheckpointRef:
    """One region's checkpoint."""

    region: str
    """That wrote it."""
    checkpoint: CheckpointId

    def to_json(self) -> dict[str, str]:
        return {"region": self.region, "checkpoint": str(self.checkpoint)}

    @classmethod
    def parse(cls, content: Mapping[str, str]) -> CheckpointRef:
        """Raises KeyError, ValueError, TypeError or AttributeError for anything else."""
        return cls(region=content["region"], checkpoint=CheckpointId.parse(content["checkpoint"]))


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    key: str
    """Below the prefix of the region that wrote the checkpoint."""
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    region: str
    """That wrote it."""
    id: CheckpointId
    base: CheckpointRef | None
    """The checkpoint from which the files were restored before they changed."""
    files: Mapping[str, StoredFile]
    """By path in the volume, with `/`."""

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files.values())

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(table for path in self.files if (table := table_of(path)))

    @property
    def ref(self) -> CheckpointRef:
        return CheckpointRef(region=self.region, checkpoint=self.id)

    @property
    def origin(self) -> CheckpointRef:
        """The checkpoint whose rank this one has.

        A checkpoint with the generation of its base is a copy of it: a region that never raised the
        generation uploaded what it had restored. Such a copy ranks where its base does, or each copy would
        outrank what the primary writes after it.
        """
        base = self.base
        return base if base is not None and base.checkpoint.generation == self.id.generation else self.ref

    @property
    def is_copy(self) -> bool:
        return self.origin.region != self.region

    def missing(self, stored: Mapping[str, int]) -> list[str]:
        """The keys that the checkpoint names and a prefix lacks, or has in another size. `stored`: sizes by
        key."""
        return sorted({file.key for file in self.files.values() if stored.get(file.key) != file.size})

    def dump(self) -> str:
        files = {
            path: {"key": file.key, "size": file.size, "sha256": file.sha256}
            for path, file in sorted(self.files.items())
        }
        content = {
            "region": self.region,
            "generation": self.id.generation,
            "base": self.base and self.base.to_json(),
            "files": files,
        }
        return json.dumps(content, indent=0)


def parse_checkpoint(text: str, id: CheckpointId) -> Checkpoint:
    """Raises ValueError for what is not a checkpoint."""
    try:
        return _parsed(json.loads(text), id)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"checkpoint {id} is damaged: {error!r}") from error


def _parsed(content: Any, id: CheckpointId) -> Checkpoint:
    base = content["base"]
    return Checkpoint(
        region=content["region"],
        id=id,
        base=base and CheckpointRef.parse(base),
        files={
            path: StoredFile(key=file["key"], size=file["size"], sha256=file["sha256"])
            for path, file in content["files"].items()
        },
    )


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """On the volume."""
    durable.write_json(path, {"id": str(checkpoint.id), "checkpoint": json.loads(checkpoint.dump())})


def load_checkpoint(path: Path) -> Checkpoint | None:
    """What `save_checkpoint` wrote; None without the file. Raises ValueError for anything else."""
    content = durable.read_json(path)
    if content is None:
        return None
    return parse_checkpoint(json.dumps(content["checkpoint"]), CheckpointId.parse(content["id"]))
