"""A pipe, a link or a folder in the place of a file that the gate reads or writes holds it up nowhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from runtime.gate.application import Application
from runtime.gate.restore.quiesce import acknowledge, held_locks
from runtime.gate.restore.swap_state import JOURNAL
from runtime.gate.snapshot.volume import HASHES_FILE, Volume, parses_graph
from runtime.gate.storage import durable
from runtime.gate.storage.writer import WRITER, WriterLock


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_a_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


def folder(path: Path) -> None:
    path.mkdir()


@pytest.fixture(params=[pipe, link_to_a_pipe, folder])
def special(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    make: Callable[[Path], None] = request.param

    def made(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)

    return made


def test_as_a_graph_it_does_not_parse(tmp_path: Path, special: Callable[[Path], None]) -> None:
    special(tmp_path / "graph.json")
    assert not parses_graph(tmp_path / "graph.json")


def test_as_a_lock_it_is_not_held(tmp_path: Path) -> None:
    for make, company in ((pipe, "acme"), (link_to_a_pipe, "globex")):
        lock = tmp_path / company / "episodic" / "locks" / f"{company}.lock"
        lock.parent.mkdir(parents=True)
        make(lock)
    assert held_locks(tmp_path, "brain") == []


def test_as_a_record_of_the_gate_it_is_none(tmp_path: Path, special: Callable[[Path], None]) -> None:
    special(tmp_path / ".gate" / JOURNAL)
    special(tmp_path / ".gate" / "other" / HASHES_FILE)
    assert durable.read_document(tmp_path / ".gate" / JOURNAL) is None
    assert not acknowledge(tmp_path, 1, Application(()))


def test_as_the_memory_of_hashes_it_only_costs_time(tmp_path: Path, special: Callable[[Path], None]) -> None:
    special(tmp_path / ".gate" / HASHES_FILE)
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "file").write_bytes(b"x")
    assert Volume(tmp_path, "brain").sha256("acme/file")


@pytest.mark.parametrize("make", [pipe, link_to_a_pipe])
def test_in_the_place_of_a_temporary_file_it_is_replaced(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / ".state.json.new")
    durable.write_atomically(tmp_path / "state.json", b"{}")
    assert (tmp_path / "state.json").read_bytes() == b"{}"


def test_as_the_lock_of_the_volume_it_holds_nobody_up(
    tmp_path: Path, special: Callable[[Path], None]
) -> None:
    special(tmp_path / WRITER)
    with suppress(OSError):
        WriterLock(tmp_path).acquire()
