"""Failover and back with the real rclone, S3's roles and replication, and real tables."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.gate.snapshot.checkpoint_changes import read_checkpoint
from runtime.gate.storage.keys import CHECKPOINTS
from tests.checkpoint_names import checkpoint_names
from tests.components.stacks import EU, US
from tests.gate.handover.gates import COMPANY, Clock, Gate
from tests.gate.handover.real import Pod, S3Buckets, rows_in
from tests.s3 import S3Service
from tests.services import until

ORDER = (US, EU)


@pytest.fixture
def pods(s3: S3Service, rclone: Path, tmp_path: Path) -> Iterator[tuple[Pod, Pod]]:
    """The primary's and the standby's."""
    running: list[Pod] = []
    try:
        buckets, clock = S3Buckets(s3, rclone, tmp_path), Clock()
        for region in ORDER:
            (tmp_path / region).mkdir()
            running.append(Pod(region, tmp_path / region, buckets, clock, ORDER))
        yield running[0], running[1]
    finally:
        for pod in running:
            pod.end()


def settle(gate: Gate) -> None:
    """Rounds until that region serves."""

    def is_ready() -> bool:
        gate.round(seconds=3.0)
        return gate.ready

    until(is_ready, f"{gate.region} has caught up")


def rows_set_aside(gate: Gate, scratch: Path) -> set[str]:
    """Each memory that diverged, put together from what was set aside and what the winner holds, and read."""
    found: set[str] = set()
    for listed in (gate.root / "diverged").glob("*/checkpoint.json"):
        folder = scratch / gate.region / listed.parent.name
        for path, file in json.loads(listed.read_text())["files"].items():
            source = (listed.parent if file["where"] == "here" else gate.root) / path
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / path)
        found |= rows_in(folder)
    return found


def rows_uploaded(s3: S3Service, scratch: Path) -> set[str]:
    """Of every checkpoint that is still there, read as the application would."""
    found: set[str] = set()
    for region in ORDER:
        client, bucket = s3.client(), s3.buckets[region]
        prefix = f"{region}/{COMPANY}/brain/"

        def content(key: str) -> bytes:
            body: bytes = client.get_object(Bucket=bucket, Key=prefix + key)["Body"].read()  # noqa: B023
            return body

        keys = (key.removeprefix(prefix) for key in s3.keys(region, f"{prefix}{CHECKPOINTS}/"))
        for name in checkpoint_names(keys).values():
            folder = scratch / region / str(name)
            for path, file in read_checkpoint(name, content).files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content(file.key))
            found |= rows_in(folder)
    return found


class Client:
    """Writes all the time, sometimes to the region that has just stopped serving."""

    def __init__(self) -> None:
        self._number = 0

    def write(self, pod: Pod) -> None:
        self._number += 1
        pod.store(f"{pod.gate.region}-{self._number}")


def take_over(
    new: Pod, old: Pod, flags: set[str], client: Client, chance: random.Random, *, old_uploads: bool
) -> None:
    """The flags change; `old_uploads`: the old region still uploads what was written last."""
    client.write(old)
    old.gate.round(seconds=3.0)
    new.gate.round(seconds=3.0)
    client.write(old)
    for pod in (new, old):
        pod.gate.flags = frozenset(flags)
    if old_uploads:
        old.gate.round(seconds=3.0)
    settle(new.gate)
    client.write(new)
    if chance.random() < 0.5:
        client.write(old)
    old.gate.round(seconds=1000.0 if chance.random() < 0.5 else 3.0)
    new.gate.round(seconds=3.0)


@pytest.mark.parametrize("cycles", [3, pytest.param(10, marks=pytest.mark.slow)])
@pytest.mark.parametrize("s3", [ORDER], indirect=True)
def test_failovers_and_failbacks_lose_nothing_that_was_uploaded(
    s3: S3Service, pods: tuple[Pod, Pod], tmp_path: Path, cycles: int
) -> None:
    """Objects arrive in any order and late. Every third time the region dies before it can upload what was
    written last.
    """
    us, eu = pods
    chance, client = random.Random(4), Client()
    s3.replication.delay = 1.0
    settle(us.gate)
    for cycle in range(cycles):
        take_over(eu, us, {US}, client, chance, old_uploads=cycle % 3 > 0)
        take_over(us, eu, set(), client, chance, old_uploads=cycle % 3 > 0)
    us.gate.time.pass_by(1000)

    def agree() -> bool:
        for pod in pods:
            pod.gate.round(seconds=100.0)
        return rows_in(us.gate.root) == rows_in(eu.gate.root)

    until(agree, "both regions have the same memory", limit=300)
    memory = rows_in(us.gate.root)
    aside = rows_set_aside(us.gate, tmp_path / "aside") | rows_set_aside(eu.gate, tmp_path / "aside")
    uploaded = rows_uploaded(s3, tmp_path / "uploaded")
    assert len(uploaded) > 2 * cycles
    assert uploaded <= memory | aside, f"lost: {uploaded - memory - aside}"
    assert aside, "no write came late enough to be set aside: the test shows nothing"
    assert us.gate.now_alarm is None and eu.gate.now_alarm is None
    for region, pod in zip(ORDER, pods, strict=True):
        stored = s3.keys(region, f"{region}/{COMPANY}/brain/diverged/")
        folders = list((pod.gate.root / "diverged").glob("*"))
        assert sum(key.endswith("/checkpoint.json") for key in stored) == len(folders)
    assert s3.refused == []
