"""A writer that never rests, and a gate that is killed at random points: each snapshot opens."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from moto.s3.models import FakeKey

from local.aws.object_replication import store
from runtime.contracts.gate import GateConfig
from runtime.gate.restore.startup import restore
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.snapshot.scan import Scanner
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.keys import CheckpointId, Listed
from tests.components.stacks import EU, US
from tests.gate.lance_writer import committed, rows
from tests.gate.snapshot.company import GRAPH, Company
from tests.s3 import ANSWER_LOST, CUT, Call, Fault, S3Service
from tests.services import LIMIT_SECONDS, until

CALLS = 15
"""One of so many calls is a gate's last."""
SECONDS = 0.5
REPOSITORY = Path(__file__).parents[3]


class Reader:
    """A Store's reading half, past rclone and HTTP: what a bucket holds at this moment."""

    def __init__(self, s3: S3Service, holder: str, prefix: str) -> None:
        self._s3, self._holder, self._prefix = s3, holder, prefix

    def list(self, folder: str) -> dict[str, int]:
        found = self._s3.keys(self._holder, f"{self._prefix}/{folder}/")
        return {key.removeprefix(f"{self._prefix}/"): size for key, size in found.items()}

    def now(self) -> float:
        return self._s3.clock.now()

    def listing(self, folder: str) -> dict[str, Listed]:
        objects = store().get_bucket(self._s3.buckets[self._holder]).keys
        return {
            key: Listed(size, int(objects[f"{self._prefix}/{key}"].last_modified.timestamp() * 1000))
            for key, size in self.list(folder).items()
        }

    def read(self, key: str) -> bytes:
        found = store().get_bucket(self._s3.buckets[self._holder]).keys.get(f"{self._prefix}/{key}")
        if not isinstance(found, FakeKey):
            raise StoreError(f"{key} is not there")
        content: bytes = found.value
        return content

    def find(self, key: str) -> bytes | None:
        try:
            return self.read(key)
        except StoreError:
            return None

    def heads(self, keys: Collection[str]) -> dict[str, Listed]:
        return {key: Listed(len(self.read(key)), 0) for key in keys}


class BucketChecker:
    """Reads the newest complete checkpoint of a bucket, as a restore would choose it."""

    def __init__(self, company: Company, holder: str, folder: Path) -> None:
        self.holder, self._folder = holder, folder
        self._objects = folder / "objects"
        self._reader = Reader(company.s3, holder, company.prefix)
        self._scanner = Scanner(lambda bucket, writer, timeout=None: self._reader)  # type: ignore[arg-type]
        self.newest: CheckpointId | None = None
        self.rows = 0

    def check(self, log: Path) -> Checkpoint | None:
        """The newest opens and holds a prefix of what was committed, and no less than at the last check."""
        scan = self._scanner.scan([(self.holder, US)], own=self.holder)
        assert not scan.errors
        if US not in scan.snapshots:
            assert self.newest is None, scan.incomplete
            return None
        checkpoint = scan.snapshots[US].checkpoint
        assert self.newest is None or self.newest <= checkpoint.id
        if self.newest == checkpoint.id:
            return checkpoint
        self.newest = checkpoint.id
        brain = self._laid_out(checkpoint)
        found = rows(brain, "acme")
        assert found == list(range(len(found))), checkpoint.id
        assert self.rows <= len(found) <= committed(log) + 1  # Committed, and not yet in the log.
        self.rows = len(found)
        if GRAPH in checkpoint.files:
            nodes = json.loads((brain / GRAPH).read_bytes())["nodes"]
            assert nodes == list(range(len(nodes))) and len(nodes) <= committed(log) + 1
        return checkpoint

    def _laid_out(self, checkpoint: Checkpoint) -> Path:
        """Hard links to objects that are fetched once."""
        target = self._folder / str(checkpoint.id)
        for path, file in checkpoint.files.items():
            cached = self._objects / file.key
            if not cached.exists():
                cached.parent.mkdir(parents=True, exist_ok=True)
                cached.write_bytes(self._reader.read(file.key))
            assert cached.stat().st_size == file.size, (checkpoint.id, path)
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            os.link(cached, target / path)
        return target


@contextmanager
def running(*command: str, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    with output.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=REPOSITORY, stdout=stream, stderr=stream
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait(LIMIT_SECONDS)


def uploading(company: Company, output: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    bucket = company.s3.buckets[US]
    arguments = (str(company.root), str(company.rclone), US, bucket, company.prefix, company.s3.url)
    return running("tests.gate.snapshot.upload_process", *arguments, output=output)


def kill(company: Company, process: subprocess.Popen[bytes], chance: random.Random) -> None:
    """At one of its calls to S3 (before it is done, after it, or while the answer is on its way), or a random
    time after one: in a scan, while it hashes, copies aside, starts rclone. Half of them are counted from the
    start, half from the first checkpoint on."""
    begun, left = chance.random() < 0.5, chance.choice([0, chance.randrange(CALLS)])
    fate = chance.choice([CUT, ANSWER_LOST, None])
    delay = chance.choice([None, chance.uniform(0, SECONDS)])
    lock, reached = threading.Lock(), threading.Event()

    def fault(call: Call) -> Fault | None:
        nonlocal begun, left
        if not call.principal.startswith("sidecar"):
            return None
        with lock:
            begun = begun or (call.method == "PUT" and "/_checkpoints/" in call.key)
            left -= begun
            if left >= 0 or reached.is_set():
                return None
            reached.set()
        if delay is not None:
            return None
        process.send_signal(signal.SIGKILL)
        return fate

    company.s3.fault = fault
    until(lambda: reached.is_set() or process.poll() is not None, "the gate gets there")
    try:
        process.wait(LIMIT_SECONDS if delay is None else delay)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait(LIMIT_SECONDS)
    company.s3.fault = None


def restored(company: Company, holder: str, folder: Path) -> Path:
    """By the init container's own code and rclone, as a region whose bucket has the snapshots."""
    stores = lambda bucket, writer, timeout=None: company.store(holder=bucket)  # noqa: E731
    settings = GateConfig(
        region=holder,
        namespace="acme",
        component="brain",
        order=(US, EU),
        follows=(EU if holder == US else US,),
        ranked=True,
        buckets={holder: company.s3.buckets[holder]},
    )
    folder.mkdir()
    restore(Volume(folder, "brain"), settings, stores)
    return folder


@pytest.mark.parametrize("kills", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_a_gate_killed_at_random_points_leaves_snapshots_that_open_in_both_buckets(
    company: Company, tmp_path: Path, kills: int
) -> None:
    chance = random.Random(20261123)
    log, output = tmp_path / "committed", tmp_path / "output"
    own, peer = (BucketChecker(company, holder, tmp_path / holder) for holder in (US, EU))
    company.s3.replication.delay = 3.0
    writer_told = (str(company.root), "acme", str(log), "--pause=0.25", "--compact-every=40")
    peers = 0
    with running("tests.gate.lance_writer", *writer_told, output=output) as writer:
        until(lambda: committed(log) > 0, "the writer writes")
        for _ in range(kills):
            with uploading(company, output) as gate:
                kill(company, gate, chance)
            assert gate.returncode == -signal.SIGKILL, output.read_text()[-2000:]
            if chance.random() < 0.1:
                shutil.rmtree(company.root / ".gate", ignore_errors=True)
            own.check(log)
            peers += peer.check(log) is not None
        writer.terminate()
        assert writer.wait(LIMIT_SECONDS) == 0, output.read_text()[-2000:]
    total = committed(log)

    company.uploader().run(generation=1, base=None)
    company.s3.replication.drain(seed=1)

    for checker in (own, peer):
        checker.check(log)
        assert checker.rows == total
        assert rows(restored(company, checker.holder, tmp_path / f"volume-{checker.holder}"), "acme") == list(
            range(total)
        )
    assert peers > kills / 2 and len(company.checkpoints()) > kills / 4 and total > kills
    assert company.s3.refused == []
