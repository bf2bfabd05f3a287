"""A volume that is too small, or full: what is there serves, somebody is told, and nothing is lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from runtime.gate.handover.phases import HANDOVER_SECONDS
from runtime.gate.restore.staged import STAGED
from runtime.gate.restore.swap import Swap
from runtime.gate.restore.swap_state import SwapState
from runtime.gate.storage import durable, reserve
from tests.gate.handover.buckets import Buckets
from tests.gate.handover.flows import both, clear, failover, flag
from tests.gate.handover.gates import Gate
from tests.gate.handover.memories import US, leftovers


class Disk:
    """Says how many bytes are free on one gate's volume."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free: dict[Path, int] = {}
        original = os.statvfs

        def statvfs(path: Path) -> os.statvfs_result:
            result = original(path)
            free = next((each for root, each in self.free.items() if Path(path).is_relative_to(root)), None)
            if free is None:
                return result
            fields = list(result)
            fields[0] = fields[1] = 1
            fields[3] = fields[4] = free
            return os.statvfs_result(fields)

        monkeypatch.setattr(os, "statvfs", statvfs)

    def fill(self, gate: Gate, free: int = 0) -> None:
        self.free[gate.root] = free

    def enlarge(self, gate: Gate) -> None:
        self.free.pop(gate.root)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def too_small(gate: Gate) -> bool:
    return "\nagency_volume_too_small 1.0\n" in gate.metrics.text()


def test_a_standby_that_cannot_hold_the_newest_snapshot_says_so_and_keeps_what_it_has(
    us: Gate, eu: Gate, buckets: Buckets, disk: Disk
) -> None:
    us.write("one")
    both(us, eu, buckets)
    disk.fill(eu)
    us.write("two")
    both(us, eu, buckets, 20)

    assert eu.ready and eu.memory == {"one"}
    assert too_small(eu) and len(eu.messages("VolumeTooSmall")) == 1
    assert "does not fit" in eu.coordinator.now.problems[0]
    disk.enlarge(eu)
    both(us, eu, buckets, 20)

    assert eu.memory == {"one", "two"}
    assert not too_small(eu) and eu.messages("VolumeLargeEnough")


def test_a_promoted_region_serves_what_it_has_when_the_newest_snapshot_does_not_fit(
    us: Gate, eu: Gate, buckets: Buckets, disk: Disk
) -> None:
    us.write("one")
    both(us, eu, buckets)
    us.write("two")
    us.round()
    buckets.replicate()
    disk.fill(eu)
    flag(US, us, eu)
    us.coordinate()
    eu.round(3, seconds=2.0)

    assert eu.ready and eu.memory == {"one"}, "its region is flagged: nobody else serves"
    assert too_small(eu) and "serves the files that it has" in eu.messages("CaughtUp")[-1]
    eu.write("three")
    eu.round()
    clear(US, us, eu)
    buckets.replicate()
    disk.enlarge(eu)
    both(us, eu, buckets, 20)

    assert us.ready and us.memory == eu.memory == {"one", "three"}
    assert us.aside == {"two"}


def test_a_snapshot_that_is_staged_already_needs_no_space(
    us: Gate, eu: Gate, buckets: Buckets, disk: Disk
) -> None:
    us.write("one")
    both(us, eu, buckets)
    us.write("two")
    both(us, eu, buckets, 2)
    assert eu.memory == {"one"} and (eu.root / STAGED).exists(), "swapped in within the last 15 minutes"
    us.write("three")
    us.round()
    buckets.replicate()
    disk.fill(eu)
    flag(US, us, eu)
    eu.round(4, seconds=2.0)

    assert eu.ready and eu.memory == {"one", "two"}
    assert too_small(eu)


def test_a_primary_that_returns_waits_a_minute_for_space_then_serves_what_it_has(
    us: Gate, eu: Gate, buckets: Buckets, disk: Disk
) -> None:
    """The controllers send clients to it after three minutes, ready or not."""
    us.write("one")
    both(us, eu, buckets)
    failover(us, eu, buckets)
    eu.write("two")
    eu.round()
    buckets.replicate()
    disk.fill(us)
    clear(US, us, eu)
    eu.round(2, seconds=2.0)
    buckets.replicate()
    us.round(5, seconds=2.0)
    assert not us.ready and too_small(us)
    us.round(2, seconds=HANDOVER_SECONDS / 2)
    us.round(2, seconds=2.0)
    assert us.ready and us.memory == {"one"}
    us.round(5)
    assert us.ready, "it does not go on and off"
    disk.enlarge(us)
    us.round(20)

    assert us.memory == {"one", "two"}, "nothing was written meanwhile"
    assert not too_small(us)


def test_files_that_are_copied_on_the_volume_are_counted_before_they_are_copied(
    us: Gate, eu: Gate, buckets: Buckets, disk: Disk
) -> None:
    """Only the graph has to be downloaded; manifests that the volume has are copied."""
    for _ in range(50):
        us.write()
    both(us, eu, buckets)
    both(us, eu, buckets, 15)
    us.write("last")
    us.round()
    buckets.replicate()
    disk.fill(eu, (16 << 20) + 1000)
    before = {path for path in eu.root.rglob("*") if ".gate/" not in str(path)}
    eu.round(1, seconds=60.0)

    assert too_small(eu)
    assert {path for path in eu.root.rglob("*") if ".gate/" not in str(path)} == before


@pytest.fixture
def no_space(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """No file can be written below these folders."""
    full: list[Path] = []
    original = durable.write_atomically

    def write(path: Path, data: bytes) -> None:
        if any(path.is_relative_to(root) for root in full):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        original(path, data)

    monkeypatch.setattr(durable, "write_atomically", write)
    return full


def diverged(us: Gate, eu: Gate, buckets: Buckets) -> None:
    """`us` has a row that `eu`, which was primary meanwhile, lacks; it is about to catch up."""
    us.write("one")
    both(us, eu, buckets)
    flag(US, eu)
    eu.round(2)
    eu.write("two")
    eu.round()
    us.write("late")
    flag(US, us)
    us.coordinate()
    clear(US, us, eu)
    eu.round(2, seconds=2.0)
    buckets.replicate()


def test_a_disk_that_fills_up_after_a_swap_keeps_nobody_from_serving_and_uploading(
    us: Gate, eu: Gate, buckets: Buckets, no_space: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    diverged(us, eu, buckets)
    activate = Swap.activate

    def then_full(swap: Swap) -> None:
        activate(swap)
        if swap.state is SwapState.DONE:
            reserve.release(us.root)
            no_space[:] = [us.root / "diverged"]

    monkeypatch.setattr(Swap, "activate", then_full)
    us.round(3, seconds=2.0)

    assert us.memory == {"one", "two"}
    assert us.ready and too_small(us)
    us.write("three")
    assert us.upload(), "what is written now is uploaded"
    monkeypatch.setattr(Swap, "activate", activate)
    no_space.clear()
    us.round(2)

    assert us.aside == {"late"} and not too_small(us)
    assert leftovers(us.root) <= {"bound"}


def test_what_a_swap_has_left_to_write_is_kept_free_for_it(
    us: Gate, eu: Gate, buckets: Buckets, no_space: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    released = reserve.release

    def release(root: Path) -> bool:
        freed = released(root)
        if freed:
            no_space.clear()
        return freed

    monkeypatch.setattr(reserve, "release", release)
    diverged(us, eu, buckets)
    no_space[:] = [us.root / "diverged"]
    us.round(3, seconds=2.0)

    assert us.ready and us.aside == {"late"} and us.memory == {"one", "two"}
    assert not too_small(us)


def test_diverged_files_that_cannot_be_sent_keep_no_memory_from_the_bucket(
    us: Gate, eu: Gate, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverged(us, eu, buckets)
    put = Buckets.write

    def refused(self: Buckets, region: str, key: str, data: bytes | None) -> None:
        if "/diverged/" in key:
            raise OSError(errno.EIO, "Input/output error")
        put(self, region, key, data)

    monkeypatch.setattr(Buckets, "write", refused)
    us.round(5)
    us.write("new")
    us.round()

    assert us.ready and us.memory == {"one", "two", "new"}
    assert any(key.endswith("/data/new.lance") for key in buckets.objects[US])
    assert "\nagency_diverged_unsent 1.0\n" in us.metrics.text() and len(us.messages("DivergedFailed")) == 1
    monkeypatch.setattr(Buckets, "write", put)
    us.round()
    assert "\nagency_diverged_unsent 0.0\n" in us.metrics.text() and us.messages("DivergedStored")
