"""What a checkpoint is: the consistent state of a volume, named file by file (`docs/failover.md`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

CHECKPOINTS = "_checkpoints"
ORDERS = "_orders"
DATA = "data"
OBJECTS = "objects"
DIVERGED = "diverged"
SERVING = f"{CHECKPOINTS}/serving"
"""There while its writer serves, or has not copied yet what was written while it did. It lies among the
checkpoints, so that one listing tells both."""

WRITE_ONCE = ("data", "_transactions", "_deletions", "_indices")
"""Folders of a Lance table whose files never change once they are written."""
TABLE_SUFFIX = ".lance"
_ID = re.compile(r"(\d{6})-(\d{13})")


@dataclass(frozen=True, kw_only=True, order=True)
class CheckpointId:
    """Ids of one writer are in the order of their states: by generation, then by time."""

    generation: int
    at: int
    """UTC, in milliseconds."""

    def __str__(self) -> str:
        return f"{self.generation:06d}-{self.at:013d}"

    @property
    def key(self) -> str:
        """Below the writer's prefix."""
        return f"{CHECKPOINTS}/{self}.json"

    @classmethod
    def parse(cls, text: str) -> CheckpointId:
        """From an id or the name of its file; raises ValueError for anything else."""
        found = _ID.fullmatch(text.removesuffix(".json"))
        if found is None:
            raise ValueError(f"not a checkpoint's id: {text!r}")
        return cls(generation=int(found[1]), at=int(found[2]))


@dataclass(frozen=True, kw_only=True)
class Base:
    """The other region's checkpoint on which a memory stands."""

    region: str
    checkpoint: CheckpointId

    def told(self) -> dict[str, str]:
        """As JSON has it."""
        return {"region": self.region, "checkpoint": str(self.checkpoint)}

    @classmethod
    def parse(cls, told: Mapping[str, str]) -> Base:
        """Raises KeyError, ValueError, TypeError or AttributeError for anything else."""
        return cls(region=told["region"], checkpoint=CheckpointId.parse(told["checkpoint"]))


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
    base: Base | None
    files: Mapping[str, StoredFile]
    """By path in the volume, with `/`."""

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files.values())

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(table for path in self.files if (table := table_of(path)))

    def missing(self, stored: Mapping[str, int]) -> list[str]:
        """The keys that it names and a prefix lacks, or has in another size; `stored` has sizes by key."""
        return sorted({file.key for file in self.files.values() if stored.get(file.key) != file.size})

    def dump(self) -> str:
        files = {
            path: {"key": file.key, "size": file.size, "sha256": file.sha256}
            for path, file in sorted(self.files.items())
        }
        told = {
            "region": self.region,
            "generation": self.id.generation,
            "base": self.base and self.base.told(),
            "files": files,
        }
        return json.dumps(told, indent=0)


def parse(text: str, id: CheckpointId) -> Checkpoint:
    """Raises ValueError for what is not a checkpoint."""
    try:
        told = json.loads(text)
        base = told["base"]
        return Checkpoint(
            region=told["region"],
            id=id,
            base=base and Base.parse(base),
            files={
                path: StoredFile(key=file["key"], size=file["size"], sha256=file["sha256"])
                for path, file in told["files"].items()
            },
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"checkpoint {id} is not one: {error!r}") from error


def ids_among(keys: Iterable[str]) -> Iterator[CheckpointId]:
    """The checkpoints among the keys of a prefix; what else lies in their folder is passed over."""
    for key in keys:
        folder, _, name = key.rpartition("/")
        if folder == CHECKPOINTS:
            try:
                yield CheckpointId.parse(name)
            except ValueError:
                continue


def table_of(path: str) -> str | None:
    """The Lance table that a file belongs to."""
    parts = path.split("/")
    for depth, part in enumerate(parts[:-1]):
        if part.endswith(TABLE_SUFFIX):
            return "/".join(parts[: depth + 1])
    return None


def is_write_once(path: str) -> bool:
    """Whether a file never changes: it is one of those folders' in a Lance table."""
    table = table_of(path)
    return table is not None and path.removeprefix(f"{table}/").split("/")[0] in WRITE_ONCE
