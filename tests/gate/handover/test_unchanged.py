"""What did not change is neither read nor uploaded again."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from runtime.gate.events import Notice
from runtime.gate.restore import staged
from runtime.gate.restore.staged import STAGED, StagedSnapshot
from runtime.gate.snapshot import volume
from runtime.gate.snapshot.checkpoint import StoredFile
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.errors import StoreError, Unreachable
from tests.gate.handover.buckets import Buckets, BucketStore
from tests.gate.handover.flows import both, failover
from tests.gate.handover.gates import Gate
from tests.gate.handover.memories import EU, NEW, TABLE, checkpoint, write
from tests.gate.handover.test_standby import Bucket
from tests.gate.snapshot.company import settle

Reads = list[str]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    """Paths of files that are read to be hashed."""
    found: Reads = []

    def open_below(root: Path, path: str) -> object:
        found.append(path)
        return original(root, path)

    original = volume.open_below
    monkeypatch.setattr(volume, "open_below", open_below)
    return found


def settled(root: Path) -> None:
    for file in root.rglob("*"):
        if file.is_file() and file.stat().st_nlink == 1:
            settle(file)


def test_after_a_restore_no_file_is_hashed_again(
    us: Gate, region: Callable[[str], Gate], buckets: Buckets, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(self: BucketStore, keys: Collection[str], into: Path) -> None:
        """With the times of the files that were uploaded, as rclone does."""
        original(self, keys, into)
        settled(into)

    original = BucketStore.download
    monkeypatch.setattr(BucketStore, "download", download)
    for _ in range(5):
        us.write()
    us.round(2)
    buckets.replicate()
    reads.clear()
    eu = region(EU)
    assert eu.memory == us.memory

    assert not Volume(eu.root, "brain").differs_from(eu.coordinator.parts.active.records.restored())
    assert reads == []


def test_verified_files_that_are_moved_are_not_read_again(tmp_path: Path, reads: Reads) -> None:
    write(tmp_path, NEW)
    settled(tmp_path)
    first = Volume(tmp_path, "brain")
    for path, file in checkpoint(NEW).files.items():
        first.remember(path, tmp_path / path, file.sha256)

    assert not first.differs_from(checkpoint(NEW))
    first.save_hashes(first.scan())
    assert not Volume(tmp_path, "brain").differs_from(checkpoint(NEW))
    assert reads == []

    (tmp_path / "acme/graph.json").write_bytes(b'{"new": 3}')
    assert Volume(tmp_path, "brain").differs_from(checkpoint(NEW))
    assert reads == ["acme/graph.json"]


def test_the_next_staged_snapshot_links_what_the_last_one_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "volume"
    root.mkdir()
    snapshot = StagedSnapshot(Volume(root, "brain"), "brain")
    snapshot.build(checkpoint(NEW), Bucket(NEW).download)
    before = {path: os.stat(root / STAGED / path).st_ino for path in NEW}
    hashed: list[str] = []
    original = staged.matches

    def matches(path: Path, file: StoredFile, check: Callable[[], None]) -> bool:
        if path.exists():
            hashed.append(path.name)
        return original(path, file, check)

    monkeypatch.setattr(staged, "matches", matches)
    newer = {**NEW, f"{TABLE}/data/c.lance": b"row c"}
    snapshot.build(checkpoint(newer, at=2000), Bucket(newer).download)

    assert {path: os.stat(root / STAGED / path).st_ino for path in NEW} == before
    assert len(hashed) == 1


def test_an_unchanged_volume_is_walked_once_in_a_pass(us: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    us.write()
    settled(us.root)
    us.round(2)
    walks: list[Path] = []
    original = Volume.walk

    def walk(self: Volume) -> object:
        walks.append(self.root)
        return original(self)

    monkeypatch.setattr(Volume, "walk", walk)
    assert us.upload()
    assert len(walks) == 1


def test_the_same_failure_is_one_event_whatever_s3_calls_its_answer() -> None:
    events: list[str] = []
    notice = Notice(lambda reason, message, warning=False: events.append(message))
    for number in range(5):
        error = StoreError(f"StatusCode: 418, RequestID: {number}X, HostID: {number}/a=, api error Teapot")
        notice.record("ChoreFailed", str(error), warning=True, kind=error.kind)
    for number in range(5):
        cut = Unreachable(f"read tcp 10.0.0.1:{number}: connection reset")
        notice.record("ChoreFailed", str(cut), warning=True, kind=cut.kind)

    assert len(events) == 2


def test_a_standby_that_cannot_download_tells_so_once(
    us: Gate, eu: Gate, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    both(us, eu, buckets)

    def refuse(self: object, keys: object, into: object) -> None:
        raise StoreError("StatusCode: 418, RequestID: 7, HostID: 8, api error Teapot")

    monkeypatch.setattr("tests.gate.handover.buckets.BucketStore.download", refuse)
    for _ in range(4):
        us.write()
        both(us, eu, buckets)
    assert len(eu.messages("StandbyFailed")) == 1
    monkeypatch.undo()
    both(us, eu, buckets)
    failover(us, eu, buckets)
    assert eu.memory == us.memory
