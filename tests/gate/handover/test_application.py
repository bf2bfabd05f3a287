"""The application's processes are found by their container's name, and end on SIGTERM, or are
made to."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.gate.application import Application
from tests.gate.handover.pods import Processes, pod, started

HEEDS = """
import pathlib, sys, time
pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with pod(tmp_path / "proc") as running:
        yield running


@pytest.fixture
def said(tmp_path: Path) -> Path:
    folder = tmp_path / "said"
    folder.mkdir()
    return folder


def test_sigterm_ends_what_heeds_it_and_nothing_else(processes: Processes, said: Path) -> None:
    brain = started(processes, said, "brain", HEEDS)
    other = started(processes, said, "brain-2", HEEDS)
    application = Application(("brain",), processes.proc)

    stopped = application.stop()

    assert {process.pid for process in stopped} == {brain.pid}
    assert brain.wait() == -signal.SIGTERM
    assert other.poll() is None
    assert application.running() == frozenset()


def test_what_ignores_sigterm_is_killed_after_the_grace(processes: Processes, said: Path) -> None:
    brain = started(processes, said, "brain")

    Application(("brain",), processes.proc, grace=0.2).stop()

    assert brain.wait() == -signal.SIGKILL


def test_several_containers_and_all_their_processes_are_stopped(processes: Processes, said: Path) -> None:
    running = [started(processes, said, name, HEEDS) for name in ("agent", "agent", "health-monitor")]

    Application(("agent", "health-monitor"), processes.proc).stop()

    assert [process.wait() for process in running] == [-signal.SIGTERM] * 3


def test_one_that_nobody_has_waited_for_counts_as_ended(processes: Processes, said: Path) -> None:
    brain = started(processes, said, "brain", HEEDS)
    application = Application(("brain",), processes.proc)
    brain.send_signal(signal.SIGKILL)

    application.stop()

    assert application.running() == frozenset()
