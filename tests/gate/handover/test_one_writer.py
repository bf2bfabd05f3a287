"""Pods that share a volume: one of them writes to it, whoever dies in the middle of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from runtime.gate.restore.startup import restore
from runtime.gate.restore.swap import Swap
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage import writer
from runtime.gate.storage.writer import RESTORING, WRITER, VolumeInUse, WriterLock, restoring
from tests.gate.handover.buckets import Buckets, BucketStore
from tests.gate.handover.flows import both, failover
from tests.gate.handover.gates import Gate
from tests.gate.handover.memories import US
from tests.services import until


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "POLL_SECONDS", 0.01)


def test_one_of_two_has_the_lock_until_it_releases_it(tmp_path: Path) -> None:
    one, other = WriterLock(tmp_path), WriterLock(tmp_path)
    one.acquire()
    one.acquire()
    with pytest.raises(VolumeInUse, match=f"process {os.getpid()}"):
        other.acquire()
    one.release()
    other.acquire()
    with pytest.raises(VolumeInUse), one.held():
        pytest.fail("the other one has it")
    with other.held():
        pass
    with pytest.raises(VolumeInUse):
        one.acquire()
    other.release()
    with one.held():
        pass
    with other.held():
        pass


@pytest.mark.services
def test_it_ends_with_the_process_that_has_it_however_that_ends(tmp_path: Path) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        WriterLock(tmp_path).acquire()
        os.write(write, b"x")
        time.sleep(60)
        os._exit(0)
    assert os.read(read, 1) == b"x"
    lock = WriterLock(tmp_path)
    with pytest.raises(VolumeInUse):
        lock.acquire()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    lock.acquire()


@pytest.mark.parametrize("content", [None, "another-pod 1 00"])
def test_a_lock_that_was_taken_away_is_noticed(tmp_path: Path, content: str | None) -> None:
    """The file was deleted, or a network file system gave it to another node."""
    lost, found = WriterLock(tmp_path), WriterLock(tmp_path)
    lost.acquire()
    if content is None:
        (tmp_path / WRITER).unlink()
        found.acquire()
        with pytest.raises(VolumeInUse):
            lost.acquire()
    else:
        (tmp_path / WRITER).write_text(content)
        lost.acquire()
        assert (tmp_path / WRITER).read_text() != content


def test_an_init_container_waits_for_another_one_and_not_for_a_gate(tmp_path: Path) -> None:
    complete = [False]
    with ExitStack() as first:
        assert first.enter_context(restoring(tmp_path, lambda: complete[0]))
        with pytest.raises(VolumeInUse), restoring(tmp_path, lambda: True, limit=0.05):
            pytest.fail("the other init container works on the volume")
    gate = WriterLock(tmp_path)
    gate.acquire()
    with pytest.raises(VolumeInUse), restoring(tmp_path, lambda: complete[0], limit=0.05):
        pytest.fail("the gate is in the middle of a swap")
    complete[0] = True
    with restoring(tmp_path, lambda: complete[0]) as is_writer:
        assert not is_writer
    gate.release()
    with restoring(tmp_path, lambda: complete[0]) as is_writer:
        assert is_writer
    assert (tmp_path / RESTORING).exists()


def start_pod(gate: Gate, errors: list[BaseException]) -> threading.Thread:
    """A second pod's init container on the same volume."""

    def run() -> None:
        try:
            restore(Volume(gate.root, "brain"), gate.config, gate.stores)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def errors() -> Iterator[list[BaseException]]:
    found: list[BaseException] = []
    yield found
    assert found == []


def test_two_that_restore_at_once_end_with_one_whole_memory(
    us: Gate, eu: Gate, buckets: Buckets, errors: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in ("one", "two", "three"):
        us.write(row)
    both(us, eu, buckets)
    for path in sorted(us.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    downloads = []
    original = BucketStore.download

    def slow(store: BucketStore, keys: Collection[str], into: Path) -> None:
        downloads.append(len(keys))
        time.sleep(0.2)
        original(store, keys, into)

    monkeypatch.setattr(BucketStore, "download", slow)
    pods = [start_pod(us, errors) for _ in range(3)]
    for pod in pods:
        pod.join(20)

    assert us.memory == {"one", "two", "three"}
    assert len(downloads) == 1 and us.aside == set()


def test_one_that_starts_in_the_middle_of_a_swap_waits_for_its_end(
    us: Gate, eu: Gate, buckets: Buckets, errors: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    us.write("one")
    both(us, eu, buckets)
    us.write("two")
    us.round()
    buckets.replicate()
    pods: list[threading.Thread] = []
    waited: list[bool] = []
    install: Any = Swap._install

    def while_another_starts(swap: Swap) -> None:
        if not pods:
            pods.append(start_pod(eu, errors))
            pods[0].join(0.3)
            waited.append(pods[0].is_alive())
        install(swap)

    monkeypatch.setattr(Swap, "_install", while_another_starts)
    failover(us, eu, buckets)
    until(lambda: not pods[0].is_alive(), "the second pod starts")

    assert waited == [True]
    assert eu.memory == {"one", "two"} and eu.aside == set()


def test_a_gate_does_not_swap_while_an_init_container_restores(us: Gate, eu: Gate, buckets: Buckets) -> None:
    us.write("one")
    both(us, eu, buckets)
    us.write("two")
    us.round()
    buckets.replicate()
    other = WriterLock(eu.root)
    other.acquire()
    eu.flags = frozenset({US})
    for _ in range(3):
        with pytest.raises(VolumeInUse):
            eu.coordinate()
        eu.time.pass_by(5.0)
    assert eu.memory == {"one"} and not eu.ready
    other.release()
    eu.round(2, seconds=5.0)

    assert eu.ready and eu.memory == {"one", "two"}
