"""What a checkpoint is: the manifest of a snapshot, file by file (`ARCHITECTURE.md`)."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime import documents
from runtime.documents import Document, InvalidDocument
from runtime.gate.snapshot.hashes import SHA256
from runtime.gate.snapshot.lance import table_of
from runtime.gate.storage import durable
from runtime.gate.storage.keys import DATA, OBJECTS, CheckpointId, CheckpointName

RESTORED = "taken.json"
"""In the gate's folder on the volume: the checkpoint from which the active files were restored."""
UPLOADED = "line.json"
"""Beside it: the newest checkpoint of the active files that was uploaded since."""
LARGEST = 64 << 20
"""Bytes of a checkpoint: about 250,000 files. No larger one is written, as none could be read."""
_REMEMBERED = 4
_REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
REQUEST = re.compile(r"[0-9]{1,13}")
"""Of a restore request: its time in ms."""

_Identity = tuple[int, int, int, int]


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


@dataclass(frozen=True, kw_only=True, slots=True)
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
    since: CheckpointId | None = field(default=None, compare=False)
    """The whole list on which its stored form builds; None for a whole list."""

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
    def name(self) -> CheckpointName:
        """How it is stored."""
        return CheckpointName(id=self.id, since=self.since)

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
        """As a whole list. Raises CheckpointTooLarge."""
        return self.dump_with({"files": entries(self.files)})

    def dump_with(self, content: Mapping[str, Iterable[str]]) -> str:
        """What the checkpoint is, and `content`: pieces of JSON, by key. Raises CheckpointTooLarge."""
        head = {
            "region": self.region,
            "generation": self.id.generation,
            "base": self.base and self.base.to_json(),
            **({"request": self.request} if self.request else {}),
        }
        text = io.StringIO()
        text.write(json.dumps(head).removesuffix("}"))
        for key, pieces in content.items():
            text.write(f',\n"{key}": ')
            text.writelines(pieces)
        text.write("}")
        if (size := text.tell()) > LARGEST:
            raise CheckpointTooLarge(
                f"the snapshot has {len(self.files)} files, whose list of {size} bytes could not be read"
                f" again: the limit is {LARGEST}. Compact the tables"
            )
        return text.getvalue()


class CheckpointTooLarge(OSError):
    """The volume has more files than a checkpoint can name."""


def entries(files: Mapping[str, StoredFile]) -> Iterator[str]:
    """JSON, piece by piece: the document as one value would need several times its size in memory."""
    between = "{"
    for path in sorted(files):
        yield f"{between}{json.dumps(path)}: {_entry(files[path])}"
        between = ",\n"
    yield "}" if files else "{}"


def _entry(file: StoredFile) -> str:
    return f'{{"key": {json.dumps(file.key)}, "size": {file.size}, "sha256": "{file.sha256}"}}'


def parse_checkpoint(data: bytes, id: CheckpointId) -> Checkpoint:
    """Of a whole list. Raises ValueError for anything but a checkpoint with this id."""
    return _parsed(documents.parse(data, f"checkpoint {id}", limit=LARGEST), id)


def _parsed(content: Document, id: CheckpointId) -> Checkpoint:
    return Checkpoint(**parse_head(content, id), files=parse_files(content.object("files")))


def parse_head(content: Document, id: CheckpointId) -> dict[str, Any]:
    if (generation := content.number("generation")) != id.generation:
        raise InvalidDocument(f"checkpoint {id}: has generation {generation}")
    return {
        "region": content.text("region", pattern=_REGION),
        "id": id,
        "base": CheckpointRef.parse(content.object("base")) if content.has("base") else None,
        "request": content.text("request", pattern=REQUEST) if content.has("request") else None,
    }


def parse_files(content: Document) -> dict[str, StoredFile]:
    return {sys.intern(path_below(path)): _file(content.object(path)) for path in content.names()}


def path_below(path: str) -> str:
    """Relative to the volume, and below it."""
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise InvalidDocument(f"not a path below a volume: {path!a}")
    return path


def _file(content: Document) -> StoredFile:
    key, sha256 = content.text("key"), content.text("sha256", pattern=SHA256)
    if not (key == f"{OBJECTS}/{sha256}" or (key.startswith(f"{DATA}/") and path_below(key))):
        raise InvalidDocument(f"not a key of a file: {key!a}")
    return StoredFile(key=sys.intern(key), size=content.number("size"), sha256=sys.intern(sha256))


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """On the volume."""
    save_stored(path, str(checkpoint.id), checkpoint.dump().encode())
    remember(path, checkpoint)


def load_checkpoint(path: Path) -> Checkpoint | None:
    """What `save_checkpoint` wrote; None without the file. Raises ValueError for anything else."""
    if (known := remembered(path)) is not None:
        return known
    content = durable.read_document(path)
    if content is None:
        return None
    id = CheckpointId.parse(content.text("id"))
    checkpoint = _parsed(content.object("checkpoint"), id)
    remember(path, checkpoint)
    return checkpoint


_known: OrderedDict[_Identity, Checkpoint] = OrderedDict()
"""Those that were saved or loaded last: each round asks for them, and to parse one of 100,000 files takes a
second. A file is replaced, never changed, and keeps its identity when it is moved."""


def save_stored(path: Path, name: str, content: bytes) -> None:
    durable.write_atomically(path, b'{"id": "%s",\n"checkpoint": %s}' % (name.encode(), content))


def _identity(path: Path) -> _Identity | None:
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size


def remember(path: Path, checkpoint: Checkpoint) -> None:
    if (identity := _identity(path)) is not None:
        _known[identity] = checkpoint
        _known.move_to_end(identity)
        while len(_known) > _REMEMBERED:
            _known.popitem(last=False)


def remembered(path: Path) -> Checkpoint | None:
    identity = _identity(path)
    if identity is None or identity not in _known:
        return None
    _known.move_to_end(identity)
    return _known[identity]
