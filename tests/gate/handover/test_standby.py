"""The memory that is kept beside the present one: complete or not there, and independent of what the Brain
writes."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.gate.restore.staged import NEXT, STAGED, Damaged, StagedSnapshot
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.errors import Unreachable
from runtime.gate.storage.rclone import Interrupted
from tests.gate.handover.kills import die, every_point
from tests.gate.handover.memories import NEW, OLD, TABLE, checkpoint, leftovers, read, stored, write

WINNER = checkpoint(NEW)


class Bucket:
    """Gives what memories hold, by key."""

    def __init__(self, *memories: Mapping[str, bytes]) -> None:
        self.content = {stored(path, data).key: data for memory in memories for path, data in memory.items()}
        self.asked: Counter[str] = Counter()

    def download(self, keys: Collection[str], into: Path) -> None:
        for key in keys:
            self.asked[key] += 1
            if key not in self.content:
                raise Unreachable(key)
            (into / key).parent.mkdir(parents=True, exist_ok=True)
            (into / key).write_bytes(self.content[key])


def standby_of(root: Path) -> StagedSnapshot:
    return StagedSnapshot(Volume(root, "brain"), "brain")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "volume", OLD)
    return tmp_path / "volume"


def contents(root: Path) -> tuple[Checkpoint | None, dict[str, bytes]]:
    current = standby_of(root).current()
    return current, read(root / STAGED) if current else {}


def test_only_what_the_volume_lacks_is_fetched(root: Path) -> None:
    bucket = Bucket(NEW)
    standby_of(root).build(WINNER, bucket.download)

    assert contents(root) == (WINNER, NEW)
    lacking = {path for path in NEW if OLD.get(path) != NEW[path]}
    assert bucket.asked == Counter({stored(path, NEW[path]).key: 1 for path in lacking})
    assert read(root) == OLD


def test_what_the_brain_rewrites_in_place_does_not_change_the_standby(root: Path) -> None:
    same = {**NEW, "acme/graph.json": OLD["acme/graph.json"]}
    standby_of(root).build(checkpoint(same), Bucket(same).download)
    for path in OLD:
        if not path.startswith(f"{TABLE}/data/"):
            with (root / path).open("r+b") as file:
                file.write(b"X")

    assert read(root / STAGED) == same
    assert os.stat(root / TABLE / "data/a.lance").st_nlink == 2


def test_the_next_one_is_built_from_the_last(root: Path) -> None:
    standby_of(root).build(WINNER, Bucket(NEW).download)
    newer = {**NEW, f"{TABLE}/data/c.lance": b"row c"}
    bucket = Bucket({f"{TABLE}/data/c.lance": b"row c"})
    standby_of(root).build(checkpoint(newer, at=2000), bucket.download)

    assert contents(root) == (checkpoint(newer, at=2000), newer)
    assert os.stat(root / STAGED / TABLE / "data/b.lance").st_nlink == 1


@pytest.mark.services
@pytest.mark.parametrize("former", [True, False], ids=["another before", "the first"])
def test_killed_anywhere_the_last_one_or_the_new_one_is_there_whole(
    tmp_path: Path, root: Path, former: bool
) -> None:
    if former:
        standby_of(root).build(checkpoint(OLD, at=1), Bucket(OLD).download)
    before = contents(root)
    counted, killed = tmp_path / "counted", tmp_path / "killed"
    shutil.copytree(root, counted)
    died = 0
    for number, when in every_point(lambda: standby_of(counted).build(WINNER, Bucket(NEW).download)):
        shutil.copytree(root, killed)
        died += die(lambda: standby_of(killed).build(WINNER, Bucket(NEW).download), number, when)

        assert contents(killed) in (before, (WINNER, NEW))
        standby_of(killed).build(WINNER, Bucket(NEW).download)
        assert contents(killed) == (WINNER, NEW)
        assert leftovers_without_gate(killed) == {".standby"}
        shutil.rmtree(killed)
    assert died > 50


def leftovers_without_gate(root: Path) -> set[str]:
    (root / ".gate").mkdir(exist_ok=True)
    return leftovers(root)


@pytest.mark.services
def test_one_that_was_superseded_while_it_was_built_leaves_nothing_behind(tmp_path: Path, root: Path) -> None:
    other = {"umbrella/graph.json": b"{}", f"{TABLE}/data/b.lance": b"row b"}
    assert die(lambda: standby_of(root).build(checkpoint(other, at=1), Bucket(other).download), 20, "after")
    bucket = Bucket(NEW)
    standby_of(root).build(WINNER, bucket.download)

    assert contents(root) == (WINNER, NEW)
    assert not (root / STAGED / "umbrella").exists()


def test_what_arrives_damaged_is_refused_and_the_last_one_stays(root: Path) -> None:
    standby_of(root).build(checkpoint(OLD, at=1), Bucket(OLD).download)
    bucket = Bucket(NEW)
    bucket.content[stored("initech/graph.json", NEW["initech/graph.json"]).key] = b'{"initech": 2}'

    with pytest.raises(Damaged, match="does not have the checkpoint's hash"):
        standby_of(root).build(WINNER, bucket.download)
    assert contents(root) == (checkpoint(OLD, at=1), OLD)


@pytest.mark.parametrize(
    "path", ["../out", "/etc/passwd", ".gate/state.json", "diverged/x", "a//b", "lost+found/x"]
)
def test_a_checkpoint_that_names_what_is_no_memory_is_refused(root: Path, path: str) -> None:
    file = stored("acme/graph.json", NEW["acme/graph.json"])
    with pytest.raises(Damaged, match="which is outside the active files"):
        standby_of(root).build(replace(WINNER, files={path: file}), Bucket(NEW).download)


def test_a_full_disk_leaves_everything_as_it_was(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each call that may need space."""
    standby_of(root).build(checkpoint(OLD, at=1), Bucket(OLD).download)
    before = sorted(entry.name for entry in root.iterdir())
    refused = 0
    for allowed in range(200):
        left = [allowed]
        with monkeypatch.context() as patch:
            for name in ("mkdir", "link", "fsync"):
                patch.setattr(os, name, _full(getattr(os, name), left))
            with pytest.raises(OSError, match="no space left"):
                standby_of(root).build(WINNER, Bucket(NEW).download)
            refused += 1
        assert read(root) == OLD
        if contents(root) == (WINNER, NEW):
            break  # It was complete, and only its publication was in want.
        assert contents(root) == (checkpoint(OLD, at=1), OLD)
        assert sorted(entry.name for entry in root.iterdir()) == before
    assert refused > 10


def _full(call: object, left: list[int]) -> object:
    def full(*arguments: object, **named: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "no space left on device")
        return call(*arguments, **named)  # type: ignore[operator]

    return full


def test_what_does_not_fit_is_not_even_begun(root: Path) -> None:
    """It says by how much the volume is too small."""
    file = replace(stored("acme/big", b""), size=1 << 60)
    bucket = Bucket()
    with pytest.raises(OSError, match="make the volume larger"):
        standby_of(root).build(replace(WINNER, files={"acme/big": file}), bucket.download)
    assert not bucket.asked
    assert {entry.name for entry in root.iterdir()} <= {"acme", "globex", ".gate"}


def test_it_stops_in_the_middle_of_a_large_file_when_the_gate_has_other_work(root: Path) -> None:
    large = {"acme/graph.json": b"x" * (3 << 20)}
    interrupt = threading.Event()
    bucket = Bucket(large)
    staged = StagedSnapshot(Volume(root, "brain", interrupt), "brain")

    def download(keys: Collection[str], into: Path) -> None:
        bucket.download(keys, into)
        interrupt.set()

    with pytest.raises(Interrupted):
        staged.build(checkpoint(large), download)
    interrupt.clear()
    staged.build(checkpoint(large), bucket.download)

    assert contents(root) == (checkpoint(large), large)
    assert set(bucket.asked.values()) == {1}, "what was downloaded is kept"


@pytest.mark.parametrize("name", [NEXT, f"{NEXT}/acme"])
def test_a_link_in_an_unfinished_build_leads_nothing_out_of_it(root: Path, name: str) -> None:
    elsewhere = root.parent / "elsewhere"
    (elsewhere / "acme").mkdir(parents=True)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).symlink_to(elsewhere)

    standby_of(root).build(WINNER, Bucket(NEW).download)

    assert read(root / STAGED) == NEW
    assert [path.name for path in elsewhere.rglob("*")] == ["acme"]
