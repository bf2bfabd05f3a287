"""Memories as plain files, and checkpoints of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from runtime.gate.restore.staged import MARKER, STAGED
from runtime.gate.snapshot.checkpoint import Checkpoint, CheckpointRef, StoredFile, save_checkpoint
from runtime.gate.snapshot.lance import is_write_once
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.keys import CheckpointId
from tests.components.stacks import EU, US

Memory = Mapping[str, bytes]
TABLE = "acme/episodic/episodic_memories.lance"

OLD: Memory = {
    "acme/graph.json": b'{"old": 1}',
    f"{TABLE}/data/a.lance": b"row a",
    f"{TABLE}/data/mine.lance": b"row that only the old memory has",
    f"{TABLE}/_versions/1.manifest": b"a",
    f"{TABLE}/_versions/2.manifest": b"a, mine",
    "globex/graph.json": b'{"globex": 1}',
}
NEW: Memory = {
    "acme/graph.json": b'{"new": 2}',
    f"{TABLE}/data/a.lance": b"row a",
    f"{TABLE}/data/b.lance": b"row b",
    f"{TABLE}/_versions/1.manifest": b"a",
    f"{TABLE}/_versions/2.manifest": b"a, b",
    "initech/graph.json": b'{"initech": 1}',
}


def write(root: Path, memory: Memory) -> None:
    for path, content in memory.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def read(root: Path, component: str = "brain") -> dict[str, bytes]:
    """What is in the memory below `root`."""
    return {path: (root / path).read_bytes() for path in Volume(root, component).scan()}


def set_aside(root: Path) -> dict[str, bytes]:
    """What is below `diverged/`, whenever it was put there; its lists aside."""
    found: dict[str, bytes] = {}
    for folder in sorted((root / "diverged").glob("*")):
        for file in folder.rglob("*"):
            path = file.relative_to(folder).as_posix()
            if file.is_file() and path != "checkpoint.json":
                found[path] = file.read_bytes()
    return found


def checkpoint(
    memory: Memory, region: str = US, generation: int = 2, at: int = 1000, base: CheckpointRef | None = None
) -> Checkpoint:
    return Checkpoint(
        region=region,
        id=CheckpointId(generation=generation, at=at),
        base=base,
        files={path: stored(path, content) for path, content in memory.items()},
    )


def stored(path: str, content: bytes) -> StoredFile:
    digest = hashlib.sha256(content).hexdigest()
    key = f"data/{path}" if is_write_once(path) else f"objects/{digest}"
    return StoredFile(key=key, size=len(content), sha256=digest)


def stand_by(root: Path, of: Checkpoint, memory: Memory) -> None:
    """Put a standby that is complete on a volume."""
    write(root / STAGED, memory)
    save_checkpoint(root / STAGED / MARKER, of)


def leftovers(root: Path) -> set[str]:
    """What the gate has on the volume besides its records."""
    records = {"state.json", "taken.json", "line.json", "hashes.json", "copied", "unnamed.json"}
    gate = {entry.name for entry in (root / ".gate").iterdir()} - records
    return gate | {entry.name for entry in root.iterdir() if entry.name.startswith(".standby")}


def lists(root: Path) -> list[dict[str, object]]:
    return [json.loads(file.read_text()) for file in sorted((root / "diverged").glob("*/checkpoint.json"))]


__all__ = ["EU", "NEW", "OLD", "US"]
