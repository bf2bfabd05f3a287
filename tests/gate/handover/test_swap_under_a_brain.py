"""A swap while the kubelet starts the Brain again and again, and the Brain writes whenever it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.gate.application import Application
from runtime.gate.lineage.ancestry import Ancestry
from runtime.gate.lineage.state import StateFiles
from runtime.gate.restore.swap import Swap
from runtime.gate.restore.swap_state import SwapState
from runtime.gate.snapshot.volume import Volume
from tests.gate.handover.kills import die
from tests.gate.handover.memories import EU, NEW, read, stand_by
from tests.gate.handover.pods import Kubelet, Processes, pod, python
from tests.gate.handover.test_swap import AFTER, BEFORE, WINNER, prepared
from tests.services import until

BRAIN = """
import json, os, pathlib, signal, sys, time
stopping = []
signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
graph, log = pathlib.Path(sys.argv[1], "acme", "graph.json"), open(sys.argv[2], "a")
known = json.loads(sys.argv[3]) if sys.argv[3:] else json.loads(graph.read_text()) if graph.exists() else {}
number = 0
while not stopping:
    number += 1
    row = f"{os.getpid()}-{number}"
    known[row] = 1
    try:
        graph.parent.mkdir(parents=True, exist_ok=True)
        with graph.open("w") as file:
            file.write(json.dumps(known))
    except FileNotFoundError:
        continue
    log.write(row + "\\n")
    log.flush()
    time.sleep(0.001)
"""


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with pod(tmp_path / "proc") as running:
        yield running


def graphs(root: Path) -> set[str]:
    """All entries of all graphs in the memory and set aside."""
    found = {*json.loads((root / "acme/graph.json").read_text())}
    for graph in (root / "diverged").rglob("graph.json"):
        found |= set(json.loads(graph.read_text()))
    return found


@pytest.mark.parametrize("number", [None, *range(0, 60, 6)])
def test_neither_the_new_memory_nor_anything_that_the_brain_wrote_is_lost(
    tmp_path: Path, processes: Processes, number: int | None
) -> None:
    """Also when the gate is killed at some call and started again."""
    root, log = prepared(tmp_path / "root"), tmp_path / "log"
    application = Application(("brain",), processes.proc)
    kubelet = Kubelet(processes, "brain", python(BRAIN, str(root), str(log)))
    until(lambda: log.exists() and log.stat().st_size > 0, "the Brain writes")

    def swap() -> Swap:
        return Swap(Volume(root, "brain"), component="brain", region=EU, application=application)

    def swap_in() -> None:
        begun = swap()
        begun.prepare(WINNER, before=BEFORE, after=AFTER, ancestry=Ancestry(known=None, diverged=None))
        begun.activate()
        begun.finish()

    if number is None:
        swap_in()
    else:
        die(swap_in, number, "after")
        swap().activate()
        swap().finish()
    for _ in range(100):
        if not (state := StateFiles(root).load()) or state == BEFORE:
            swap_in()  # It had not begun when it was killed.
        elif swap().tampered:
            stand_by(root, WINNER, NEW)
            swap_in()
        else:
            break
    assert not swap().tampered and swap().state is SwapState.NONE
    written = log.stat().st_size
    until(lambda: log.stat().st_size > written, "the Brain writes again")
    kubelet.end()

    assert kubelet.starts > 1
    assert "new" in json.loads((root / "acme/graph.json").read_text())
    assert set(log.read_text().split()) <= graphs(root)


@pytest.mark.parametrize("number", range(5))
def test_a_brain_with_the_old_memory_in_mind_that_appears_between_two_renames_spoils_nothing(
    tmp_path: Path, processes: Processes, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two entries go out, the standby becomes what comes in, two entries come in."""
    root, log = prepared(tmp_path / "root"), tmp_path / "log"
    application = Application(("brain",), processes.proc)
    swap = Swap(Volume(root, "brain"), component="brain", region=EU, application=application)
    swap.prepare(WINNER, before=BEFORE, after=AFTER, ancestry=Ancestry(known=None, diverged=None))
    original, left = os.rename, [number]

    def rename(source: str, target: str) -> None:
        original(source, target)
        left[0] -= 1
        if left[0] == -1:
            processes.start("brain", python(BRAIN, str(root), str(log), '{"old": 1}'))
            until(lambda: log.exists() and log.stat().st_size > 0, "the Brain writes")

    monkeypatch.setattr(os, "rename", rename)
    swap.activate()
    assert application.running() == frozenset()
    settled = swap.finish()
    assert settled is not None
    if not settled.tampered:
        assert read(root) == NEW
    stand_by(root, WINNER, NEW)
    swap.prepare(WINNER, before=AFTER, after=AFTER, ancestry=Ancestry(known=WINNER, diverged=None))
    swap.activate()
    swap.finish()

    assert read(root) == NEW
    assert set(log.read_text().split()) <= graphs(root)
