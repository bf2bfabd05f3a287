"""A pipe, a link or a folder in the place of a file that the gate reads or writes holds it up nowhere."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from runtime.gate.application import Application
from runtime.gate.restore.credentials import FIRST_FILE, forget_missing
from runtime.gate.restore.quiesce import ACK, acknowledge, forget_acknowledgements, held_locks
from runtime.gate.restore.staged import matches
from runtime.gate.restore.swap_state import JOURNAL
from runtime.gate.snapshot.bindings import BINDINGS_FILE
from runtime.gate.snapshot.checkpoint import RESTORED, UPLOADED, StoredFile
from runtime.gate.snapshot.checkpoint_changes import CHANGES
from runtime.gate.snapshot.collector import UNNAMED_FILE
from runtime.gate.snapshot.volume import HASHES_FILE, Volume, parses_graph
from runtime.gate.storage import durable
from runtime.gate.storage.reserve import LEAST, RESERVE, keep_if_possible, release
from runtime.gate.storage.writer import WRITER, WriterLock
from tests.gate.snapshot.company import GRAPH, TABLE, QuickCompany


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


@pytest.mark.parametrize("name", [".state.json.new", "state.json"])
def test_what_the_gate_writes_replaces_it(tmp_path: Path, special: Callable[[Path], None], name: str) -> None:
    special(tmp_path / name)
    durable.write_atomically(tmp_path / "state.json", b"{}")
    assert (tmp_path / "state.json").read_bytes() == b"{}"


@pytest.mark.parametrize(
    "name",
    [
        *(BINDINGS_FILE, UNNAMED_FILE, HASHES_FILE, UPLOADED, CHANGES, RESTORED),
        *("aside", "uploading", "collecting"),
    ],
)
def test_in_the_gate_s_folder_it_keeps_nothing_from_being_uploaded(
    quick: QuickCompany, special: Callable[[Path], None], name: str
) -> None:
    special(quick.root / ".gate" / name)
    for number in range(2):
        quick.write(f"{TABLE}/data/{number}.lance", b"rows")
        quick.write(GRAPH, b'{"nodes": [%d]}' % number)
        assert quick.uploader().run(generation=0, base=None).checkpoint
        quick.now += 7200
    assert quick.checkpoint().files.keys() == {
        GRAPH,
        *(f"{TABLE}/data/{number}.lance" for number in range(2)),
    }


def test_as_the_kept_space_it_is_replaced(tmp_path: Path, special: Callable[[Path], None]) -> None:
    special(tmp_path / RESERVE)
    keep_if_possible(tmp_path)
    assert (tmp_path / RESERVE).stat().st_size == LEAST
    (tmp_path / RESERVE).unlink()
    special(tmp_path / RESERVE) if not (tmp_path / "pipe").exists() else None
    release(tmp_path)
    assert not os.path.lexists(tmp_path / RESERVE)


def test_as_the_mark_of_a_pod_without_credentials_it_is_removed(
    tmp_path: Path, special: Callable[[Path], None]
) -> None:
    special(tmp_path / ".gate" / FIRST_FILE)
    forget_missing(Volume(tmp_path, "brain"))
    assert not os.path.lexists(tmp_path / ".gate" / FIRST_FILE)


def test_as_an_acknowledgement_it_is_none(tmp_path: Path, special: Callable[[Path], None]) -> None:
    special(tmp_path / ".gate" / f"{ACK}1")
    forget_acknowledgements(tmp_path)
    assert not os.path.lexists(tmp_path / ".gate" / f"{ACK}1")


@pytest.mark.parametrize("size", [0, 1])
def test_as_a_file_of_a_snapshot_it_does_not_match(
    tmp_path: Path, special: Callable[[Path], None], size: int
) -> None:
    special(tmp_path / "file")
    digest = hashlib.sha256(b"").hexdigest()
    assert not matches(tmp_path / "file", StoredFile(key=f"objects/{digest}", size=size, sha256=digest))


def test_as_the_lock_of_the_volume_it_holds_nobody_up(
    tmp_path: Path, special: Callable[[Path], None]
) -> None:
    special(tmp_path / WRITER)
    with suppress(OSError):
        WriterLock(tmp_path).acquire()
