"""A swap ends whole, whenever its process dies; no file of either memory is lost."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.gate.application import Application
from runtime.gate.lineage.ancestry import Ancestry
from runtime.gate.lineage.state import LineageState, StateFiles
from runtime.gate.restore.quiesce import acknowledge
from runtime.gate.restore.swap import Swap, SwapResult
from runtime.gate.restore.swap_state import SwapState, is_swapping
from runtime.gate.snapshot.checkpoint import Checkpoint, CheckpointRef
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.keys import CheckpointId
from tests.gate.handover.kills import die, every_point, points
from tests.gate.handover.memories import (
    EU,
    NEW,
    OLD,
    TABLE,
    US,
    checkpoint,
    leftovers,
    read,
    set_aside,
    stand_by,
    write,
)

WINNER = checkpoint(NEW)
BEFORE = LineageState(generation=1, raised=True, served=True)
AFTER = LineageState(generation=2, base=WINNER.ref, seen=2)
MINE = {path: content for path, content in OLD.items() if NEW.get(path) != content}
"""What the winner does not hold."""


def swap_of(root: Path, component: str = "brain", replicas: int = 1) -> Swap:
    return Swap(
        Volume(root, component),
        component=component,
        region=EU,
        application=Application(()),
        replicas=lambda: replicas,
        clock=lambda: 1_700_000_000.0,
    )


def prepared(root: Path, old: dict[str, bytes] | None = None) -> Path:
    write(root, OLD if old is None else old)
    StateFiles(root).save(BEFORE)
    stand_by(root, WINNER, NEW)
    return root


def swap_in(root: Path, known: Checkpoint | None = None, line: Checkpoint | None = None) -> SwapResult | None:
    swap = swap_of(root)
    swap.prepare(WINNER, before=BEFORE, after=AFTER, ancestry=Ancestry(known=known, diverged=line))
    swap.activate()
    return swap.finish()


def over(swapped: SwapResult | None) -> None:
    assert swapped is not None


def recover(root: Path) -> None:
    swap = swap_of(root)
    swap.activate()
    swap.finish()


def assert_swapped(root: Path, aside: dict[str, bytes]) -> None:
    assert read(root) == NEW
    assert set_aside(root) == aside
    state = StateFiles(root).load()
    assert state is not None
    assert (state.generation, state.base, state.raised) == (2, WINNER.ref, False)
    assert len(state.unsent) == (1 if aside else 0)
    assert StateFiles(root).restored() == WINNER
    assert leftovers(root) == set()


def test_the_standby_becomes_the_memory_and_what_it_does_not_hold_is_set_aside(tmp_path: Path) -> None:
    swapped = swap_in(prepared(tmp_path))

    assert swapped is not None and swapped.aside == ("20231114T221320000Z",) and not swapped.tampered
    assert_swapped(tmp_path, MINE)


def test_what_an_ancestor_of_the_winner_held_is_not_set_aside(tmp_path: Path) -> None:
    swap_in(prepared(tmp_path), known=checkpoint(OLD, EU, 1))

    assert_swapped(tmp_path, {})


def test_a_write_after_the_last_snapshot_of_the_ancestor_is_set_aside_with_all_that_goes_with_it(
    tmp_path: Path,
) -> None:
    prepared(tmp_path)
    written = {f"{TABLE}/data/late.lance": b"late", "acme/graph.json": b'{"late": 1}'}
    write(tmp_path, written)

    swap_in(tmp_path, known=checkpoint(OLD, EU, 1))

    assert_swapped(tmp_path, {**MINE, **written})


@pytest.mark.services
@pytest.mark.parametrize("known", [None, checkpoint(OLD, EU, 1)], ids=["diverged", "ancestor"])
def test_killed_at_any_step_and_again_while_it_is_finished_it_ends_whole(
    tmp_path: Path, known: Checkpoint | None
) -> None:
    aside = {} if known else MINE
    start = prepared(tmp_path / "start")
    count = 0

    def at(root: Path) -> Callable[[], None]:
        return lambda: over(swap_in(root, known))

    counted = prepared(tmp_path / "counted")
    for number, when in every_point(at(counted)):
        root = tmp_path / "killed"
        shutil.copytree(start, root)
        die(at(root), number, when)
        if swap_of(root).state is not SwapState.NONE:
            again = tmp_path / "again"
            shutil.copytree(root, again)
            steps = points(lambda again=again: recover(again))
            die(lambda root=root: recover(root), number * 7 % steps, "after")
            recover(root)
            assert_swapped(root, aside)
            count += 1
            shutil.rmtree(again)
        else:
            # Not begun, or over: the memory is one of the two, whole.
            swap_of(root).activate()
            done = StateFiles(root).load() != BEFORE
            assert read(root) == (NEW if done else OLD)
            if done:
                assert_swapped(root, aside)
        shutil.rmtree(root)
    assert count > 50


def test_a_full_disk_before_the_first_rename_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(tmp_path)
    original = os.fsync
    for allowed in range(4):
        calls = iter(range(100))

        def full(descriptor: int, allowed: int = allowed, calls: object = calls) -> None:
            if next(calls) >= allowed:  # type: ignore[call-overload]
                raise OSError(errno.ENOSPC, "no space left on device")
            original(descriptor)

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space left"):
            swap_of(tmp_path).prepare(
                WINNER, before=BEFORE, after=AFTER, ancestry=Ancestry(known=None, diverged=None)
            )
        monkeypatch.setattr(os, "fsync", original)
        assert swap_of(tmp_path).state is SwapState.NONE
        swap_of(tmp_path).activate()
        assert read(tmp_path) == OLD
        assert StateFiles(tmp_path).load() == BEFORE
        assert leftovers(tmp_path) <= {".standby"}


@pytest.mark.services
def test_without_its_standby_the_old_memory_comes_back(tmp_path: Path) -> None:
    """Somebody who needs space on the disk removes it in the middle of the swap."""
    for number in range(100):
        root = prepared(tmp_path / str(number))
        assert die(lambda root=root: over(swap_in(root)), number, "after")
        if not (root / "acme").exists():
            break
    assert is_swapping(root) and (root / ".standby").exists()
    shutil.rmtree(root / ".standby")
    write(root, {"acme/graph.json": b"{}"})

    recover(root)

    assert read(root) == OLD
    assert StateFiles(root).load() == BEFORE
    assert set_aside(root) == {"acme/graph.json": b"{}"}


def test_what_was_uploaded_and_then_vanished_or_broke_is_listed_with_its_key(tmp_path: Path) -> None:
    """The volume was emptied, or its graph torn, before the other memory won."""
    old = {**OLD, "acme/graph.json": b'{"to'}
    del old["globex/graph.json"]
    line = checkpoint(OLD, EU, 1)

    swap_in(prepared(tmp_path, old), line=line)

    assert read(tmp_path) == NEW
    (listed,) = (tmp_path / "diverged").glob("*/checkpoint.json")
    text = listed.read_text()
    for path in ("globex/graph.json", "acme/graph.json"):
        assert line.files[path].key in text


def test_the_agents_swap_leaves_the_brains_mount_alone(tmp_path: Path) -> None:
    memory = {"scheduler.json": b"[]", "metrics/2026.ndjson": b"{}"}
    write(tmp_path, {"scheduler.json": b"[1]", "brain/acme/graph.json": b"{}"})
    winner = checkpoint(memory)
    stand_by(tmp_path, winner, memory)
    swap = swap_of(tmp_path, "agent")

    swap.prepare(winner, before=BEFORE, after=AFTER, ancestry=Ancestry(known=None, diverged=None))
    swap.activate()
    swap.finish()

    assert read(tmp_path, "agent") == memory
    assert (tmp_path / "brain/acme/graph.json").read_bytes() == b"{}"
    assert set_aside(tmp_path) == {"scheduler.json": b"[1]"}


def test_the_other_replicas_acknowledge_before_anything_is_moved(tmp_path: Path) -> None:
    """Their gates are asked each second; here they are when the first looks whether they have."""
    prepared(tmp_path)
    swap = swap_of(tmp_path, replicas=3)
    asked: list[bool] = []
    assert not acknowledge(tmp_path, 1, Application(()))
    swap.prepare(WINNER, before=BEFORE, after=AFTER, ancestry=Ancestry(known=None, diverged=None))
    original = os.rename

    def seen(source: Path, target: Path) -> None:
        stopped = sorted(file.name for file in (tmp_path / ".gate").glob("stopped-?"))
        asked.append(stopped == ["stopped-1", "stopped-2"])
        original(source, target)

    for ordinal in (1, 2):
        assert acknowledge(tmp_path, ordinal, Application(()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "rename", seen)
        swap.activate()
    swap.finish()

    assert asked and asked[0]
    assert not acknowledge(tmp_path, 1, Application(()))
    assert_swapped(tmp_path, MINE)


def test_ids_of_swaps_in_the_same_millisecond_do_not_meet(tmp_path: Path) -> None:
    swap_in(prepared(tmp_path))
    third = {"acme/graph.json": b'{"third": 3}'}
    winner = checkpoint(third, US, 3)
    stand_by(tmp_path, winner, third)
    swap = swap_of(tmp_path)

    swap.prepare(
        winner,
        before=AFTER,
        after=LineageState(
            generation=3, base=CheckpointRef(region=US, checkpoint=CheckpointId(generation=3, at=1000))
        ),
        ancestry=Ancestry(known=None, diverged=None),
    )
    swap.activate()
    swap.finish()

    assert read(tmp_path) == third
    assert len(list((tmp_path / "diverged").iterdir())) == 2


@pytest.mark.parametrize("known", [None, checkpoint(OLD, EU, 1)], ids=["diverged", "ancestor"])
def test_what_no_snapshot_holds_is_kept_on_the_volume(
    tmp_path: Path, known: Checkpoint | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(tmp_path)
    (tmp_path / "acme/latest").symlink_to("graph.json")
    os.mkfifo(tmp_path / "globex/pipe")
    write(tmp_path, {"acme/secret": b"nobody may read it", "canal/locks/design.md": b"no lock"})
    write(tmp_path, {"acme/episodic/locks/acme.lock": b""})
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "secret" not in str(path) and access(path, mode))

    swapped = swap_in(tmp_path, known=known)

    assert swapped is not None and len(swapped.aside) == 1
    assert read(tmp_path) == NEW
    (kept,) = (tmp_path / "diverged").glob("*.uncopied")
    assert (kept / "acme/latest").is_symlink() and (kept / "globex/pipe").is_fifo()
    assert (kept / "acme/secret").read_bytes() == b"nobody may read it"
    assert set_aside(tmp_path)["canal/locks/design.md"] == b"no lock"
    assert not list(tmp_path.rglob("acme.lock"))
    assert leftovers(tmp_path) == set()
