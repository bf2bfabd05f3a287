"""What a checkpoint is: the manifest of a snapshot, file by file (`ARCHITECTURE.md`)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime import documents
from runtime.documents import Document, InvalidDocument
from runtime.gate.snapshot.lance import table_of
from runtime.gate.storage import durable
from runtime.gate.storage.keys import DATA, OBJECTS, CheckpointId

RESTORED = "taken.json"
"""In the gate's folder on the volume: the checkpoint from which the active files were restored."""
UPLOADED = "line.json"
"""Beside it: the newest checkpoint of the active files that was uploaded since."""
LARGEST = 64 << 20
"""Bytes of a checkpoint: about 250,000 files. No larger one is written, as none could be read."""
_REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
REQUEST = re.compile(r"[0-9]{1,13}")
"""Of a restore request: its time in ms."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class CheckpointRef:
    """One region's checkpoint."""

    region: str
    """That wrote it."""
    checkpoint: CheckpointId

    def to_json(self) -> dict[str, str]:
        return {"region": self.region, "checkpoint": str(self.checkpoint)}

    @classmethod
    def parse(cls, content: Document) -> CheckpointRef:
        """Raises ValueError for anything else."""
        id = CheckpointId.parse(content.text("checkpoint"))
        return cls(region=content.text("region", pattern=_REGION), checkpoint=id)


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
    request: str | None = None
    """The restore request that its writer had carried out last."""

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
            **({"request": self.request} if self.request else {}),
            "files": files,
        }
        return json.dumps(content, indent=0)


def parse_checkpoint(data: bytes, id: CheckpointId) -> Checkpoint:
    """Raises ValueError for anything but a checkpoint with this id."""
    return _parsed(documents.parse(data, f"checkpoint {id}", limit=LARGEST), id)


def _parsed(content: Document, id: CheckpointId) -> Checkpoint:
    files = content.object("files")
    if (generation := content.number("generation")) != id.generation:
        raise InvalidDocument(f"checkpoint {id}: has generation {generation}")
    return Checkpoint(
        region=content.text("region", pattern=_REGION),
        id=id,
        base=CheckpointRef.parse(content.object("base")) if content.has("base") else None,
        request=content.text("request", pattern=REQUEST) if content.has("request") else None,
        files={path_below(path): _file(files.object(path)) for path in files.names()},
    )


def path_below(path: str) -> str:
    """Relative to the volume, and below it."""
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise InvalidDocument(f"not a path below a volume: {path!a}")
    return path


def _file(content: Document) -> StoredFile:
    key, sha256 = content.text("key"), content.text("sha256", pattern=_SHA256)
    if not (key == f"{OBJECTS}/{sha256}" or (key.startswith(f"{DATA}/") and path_below(key))):
        raise InvalidDocument(f"not a key of a file: {key!a}")
    return StoredFile(key=key, size=content.number("size"), sha256=sha256)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """On the volume."""
    durable.write_json(path, {"id": str(checkpoint.id), "checkpoint": json.loads(checkpoint.dump())})


def load_checkpoint(path: Path) -> Checkpoint | None:
    """What `save_checkpoint` wrote; None without the file. Raises ValueError for anything else."""
    content = durable.read_document(path)
    if content is None:
        return None
    return _parsed(content.object("checkpoint"), CheckpointId.parse(content.text("id")))
