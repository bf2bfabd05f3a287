"""A company's Brain in one region, its bucket, and what is in it: shared by the tests of snapshots."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runtime.contracts.gate import Retention
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.snapshot.checkpoint_changes import read_checkpoint
from runtime.gate.snapshot.upload import Uploader
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.keys import INDEX, CheckpointId, Listed, prefix_of
from tests.checkpoint_names import checkpoint_ids, checkpoint_names
from tests.components.stacks import US
from tests.s3 import S3Service

TABLE = "acme/episodic/episodic_memories.lance"
GRAPH = "acme/graph.json"


@dataclass(kw_only=True)
class Memory(ABC):
    """A volume in us-east-1, S3's clock, and a prefix in a bucket."""

    root: Path
    namespace: str = "acme"
    component: str = "brain"
    interrupt: threading.Event = field(default_factory=threading.Event)
    now: float = 1_800_000_000.0
    """S3's clock: seconds since the epoch."""

    @property
    def prefix(self) -> str:
        return prefix_of(US, self.namespace, self.component)

    @abstractmethod
    def store(self) -> Store: ...

    @abstractmethod
    def keys(self) -> dict[str, int]:
        """Below the own prefix."""

    @abstractmethod
    def content(self, key: str) -> bytes: ...

    @abstractmethod
    def put(self, key: str, content: bytes) -> None: ...

    def uploader(self, retention: Retention | None = None) -> Uploader:
        """A gate that has just started: it remembers what is on the volume."""
        return Uploader(
            Volume(self.root, self.component),
            self.store(),
            region=US,
            retention=retention or Retention(),
        )

    def write(self, path: str, content: bytes = b"x" * 100) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target

    def write_table(self, table: str = TABLE, versions: int = 2, first: int = 1) -> None:
        """Files as Lance lays them out: a version is a transaction, a data file, a manifest that names it."""
        for version in range(first, versions + 1):
            self.write(f"{table}/data/file{version}.lance", b"%d" % version * 1000)
            self.write(f"{table}/_transactions/{version}-x.txn")
            names = b" ".join(b"file%d.lance" % number for number in range(1, version + 1))
            self.write(f"{table}/_versions/{(1 << 64) - 1 - version}.manifest", names)

    def checkpoints(self) -> list[CheckpointId]:
        """The oldest first."""
        return checkpoint_ids(self.keys())

    def checkpoint(self, id: CheckpointId | None = None) -> Checkpoint:
        """The newest, if none is named."""
        names = checkpoint_names(self.keys())
        return read_checkpoint(names[id or max(names)], self.content)

    def restored(self, checkpoint: Checkpoint | None = None) -> dict[str, bytes]:
        """Content by path, as a checkpoint names it."""
        files = (checkpoint or self.checkpoint()).files
        return {path: self.content(file.key) for path, file in files.items()}

    def accept_shrink(self, checkpoint: CheckpointId) -> None:
        self.put("_orders/accept-shrink.json", json.dumps({"checkpoint": str(checkpoint)}).encode())


@dataclass(kw_only=True)
class Company(Memory):
    """Its bucket is the test service's, its store the real one, with the environment's credentials."""

    s3: S3Service
    rclone: Path

    def __post_init__(self) -> None:
        self.s3.clock.now = lambda: self.now

    def store(
        self,
        timeout: float = 120.0,
        namespace: str | None = None,
        holder: str = US,
        kms_key: str | None = None,
    ) -> Store:
        """On what us-east-1 wrote, in the bucket of the region `holder`."""
        return Store(
            self.rclone,
            region=holder,
            bucket=self.s3.buckets[holder],
            prefix=prefix_of(US, namespace or self.namespace, self.component),
            interrupt=self.interrupt,
            endpoint=self.s3.url,
            kms_key=kms_key,
            timeout=timeout,
        )

    def keys(self) -> dict[str, int]:
        found = self.s3.keys(US, f"{self.prefix}/")
        return {key.removeprefix(f"{self.prefix}/"): size for key, size in found.items()}

    def content(self, key: str) -> bytes:
        response = self.s3.client().get_object(Bucket=self.s3.buckets[US], Key=f"{self.prefix}/{key}")
        content: bytes = response["Body"].read()
        return content

    def put(self, key: str, content: bytes) -> None:
        where = {"Bucket": self.s3.buckets[US], "Key": f"{self.prefix}/{key}"}
        self.s3.client().put_object(**where, Body=content)


class QuickStore(Store):
    """A bucket in this process, for long histories. `calls` counts; `fault` may raise instead of a call."""

    def __init__(self, name: str = "quick") -> None:
        self.name = name
        self.now: Callable[[], float] = lambda: 0.0
        self.objects: dict[str, bytes] = {}
        self.at: dict[str, int] = {}
        """S3's time of each object, in milliseconds; of others now."""
        self.calls: Counter[str] = Counter()
        self.fault: Callable[[str, str], None] = lambda what, key: None

    def __str__(self) -> str:
        return self.name

    def _call(self, what: str, key: str = "") -> None:
        self.calls[what] += 1
        self.fault(what, key)

    def list(self, folder: str = "") -> dict[str, int]:
        self._call("list")
        return {key: len(data) for key, data in self.objects.items() if key.startswith(folder)}

    def listing(self, folder: str = "") -> dict[str, Listed]:
        now = int(self.now() * 1000)
        return {key: Listed(size, self.at.get(key, now)) for key, size in self.list(folder).items()}

    def read(self, key: str) -> bytes:
        self._call("read", key)
        if key not in self.objects:
            raise StoreError(f"{key} is not there")
        return self.objects[key]

    def hashes(self, keys: Collection[str]) -> dict[str, str]:
        self._call("hashes")
        read = {key: self.objects[key] for key in keys if key in self.objects}
        if keys and not read:
            raise StoreError("nothing could be read")
        return {key: hashlib.sha256(content).hexdigest() for key, content in read.items()}

    def download(self, keys: Collection[str], into: Path) -> None:
        for key in keys:
            self._call("read", key)
            if key not in self.objects:
                raise StoreError(f"{key} is not there")
            (into / key).parent.mkdir(parents=True, exist_ok=True)
            (into / key).write_bytes(self.objects[key])

    def upload(self, files: Mapping[str, Path], staging: Path, *, root: Path) -> None:
        for key, path in files.items():
            self.put(key, path.read_bytes())

    def put(self, key: str, data: bytes) -> None:
        self._call("put", key)
        assert key == INDEX or self.objects.get(key, data) == data, f"{key} is written anew"
        self.objects[key] = data
        self.at[key] = int(self.now() * 1000)

    def delete(self, keys: Collection[str]) -> None:
        for key in keys:
            self._call("delete", key)
            self.objects.pop(key, None)


@dataclass(kw_only=True)
class QuickCompany(Memory):
    bucket: QuickStore = field(default_factory=QuickStore)

    def __post_init__(self) -> None:
        self.bucket.now = lambda: self.now

    def store(self) -> Store:
        return self.bucket

    def keys(self) -> dict[str, int]:
        return {key: len(data) for key, data in self.bucket.objects.items()}

    def content(self, key: str) -> bytes:
        return self.bucket.objects[key]

    def put(self, key: str, content: bytes) -> None:
        self.bucket.objects[key] = content


def settle(path: Path, seconds: float = 3600.0) -> None:
    """As if the file had been written that long ago."""
    at = path.stat().st_mtime - seconds
    os.utime(path, (at, at))


def be(monkeypatch: pytest.MonkeyPatch, s3: S3Service, key_id: str) -> None:
    for name, value in s3.credentials(key_id).items():
        monkeypatch.setenv(name, value)
