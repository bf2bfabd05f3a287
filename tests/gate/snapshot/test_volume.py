"""What counts on a volume, and what is remembered of it."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from runtime.gate.snapshot.bindings import BINDINGS_FILE, Bindings
from runtime.gate.snapshot.lance import is_manifest
from runtime.gate.snapshot.volume import GATE_FOLDER, HASHES_FILE, Volume
from runtime.gate.storage.rclone import Interrupted
from tests.gate.snapshot.company import TABLE, settle


def put(root: Path, path: str, content: bytes = b"x") -> Path:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


@pytest.mark.parametrize("component", ["brain", "agent"])
def test_a_volume_with_no_memory_on_it_is_empty(tmp_path: Path, component: str) -> None:
    for path in ("lost+found/x", ".gate/x", ".standby/acme/graph.json", "diverged/x/y"):
        put(tmp_path, path)
    (tmp_path / "acme" / "episodic" / "locks" / "acme.lock.lock").mkdir(parents=True)
    assert Volume(tmp_path, component).is_empty()

    put(tmp_path, "brain/graph.json")
    assert Volume(tmp_path, component).is_empty() is (component == "agent")

    put(tmp_path, "acme/graph.json")
    assert not Volume(tmp_path, component).is_empty()


def test_only_the_top_of_the_volume_is_the_gate_s(tmp_path: Path) -> None:
    for path in ("acme/.hidden", "acme/diverged/x", "acme/lost+found/x", "acme/brain/x"):
        put(tmp_path, path)
    assert len(Volume(tmp_path, "agent").scan()) == 4


def test_only_the_brain_s_own_locks_are_left_out(tmp_path: Path) -> None:
    locks = (
        "acme/episodic/locks/acme.lock",
        "acme/episodic/locks/acme.lock.lock/x",
        "locks/episodic/locks/locks.lock",
        "acme/graph.json.lock/owner",
    )
    files = {
        "uv.lock", "acme/yarn.lock", "canal/locks/design.md", "acme/locks/acme.lock", "locks/graph.json",
        "acme/episodic/locks/other.lock", "acme/episodic/acme.lock", "graph.json.lock",
        "acme/episodic/graph.json.lock", "locks/episodic/locks/acme.lock",
    }  # fmt: skip
    for path in (*locks, *files):
        put(tmp_path, path)

    assert Volume(tmp_path, "brain").scan().keys() == files
    assert Volume(tmp_path, "agent").scan().keys() == files | set(locks)


def test_folders_of_any_depth_are_listed_and_what_cannot_be_opened_again_is_named(tmp_path: Path) -> None:
    put(tmp_path, "acme/file")
    put(tmp_path, "/".join(["acme", *["a"] * 150, "file"]))
    volume = Volume(tmp_path, "brain")
    files = volume.scan().keys()
    assert len(files) == 2 and not volume.unreadable

    for name in ("c", "b" * 200):
        folder = tmp_path / "acme"
        for _ in range(300 if name == "c" else 12):
            folder = folder / name
            folder.mkdir()
    assert volume.scan().keys() == files
    assert sorted(path[:7] for path in volume.unreadable) == ["acme/bb", "acme/c/"]


def test_a_folder_that_cannot_be_read_is_named_and_the_others_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("acme/closed/file", "acme/open/file"):
        put(tmp_path, path)
    scandir = os.scandir

    def denied(folder: Path) -> object:
        if str(folder).endswith("closed") or str(folder).endswith("closed/"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", denied)
    volume = Volume(tmp_path, "brain")

    assert volume.scan().keys() == {"acme/open/file"}
    assert volume.unreadable == {"acme/closed": "Permission denied"}
    assert volume.uncopied() == ["acme/closed"]


def test_reading_a_file_ends_when_the_gate_is_interrupted(tmp_path: Path) -> None:
    put(tmp_path, "acme/file", b"x" * (3 << 20))
    interrupt = threading.Event()
    volume = Volume(tmp_path, "brain", interrupt)
    interrupt.set()

    with pytest.raises(Interrupted):
        volume.sha256("acme/file")
    with pytest.raises(Interrupted):
        volume.copy_aside("acme/file", tmp_path / "aside")


def test_pipes_and_links_are_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").symlink_to("/etc/hostname")
    (tmp_path / "folder").symlink_to("/etc")
    assert Volume(tmp_path, "brain").scan() == {}
    with pytest.raises(FileNotFoundError):
        Volume(tmp_path, "brain").sha256("file")


def test_hashes_are_remembered_over_a_restart_until_the_file_changes(tmp_path: Path) -> None:
    path = put(tmp_path, "acme/file", b"one")
    settle(path)
    volume = Volume(tmp_path, "brain")
    assert volume.sha256("acme/file") == hashlib.sha256(b"one").hexdigest()
    volume.save_hashes(volume.scan())

    again = Volume(tmp_path, "brain")
    stat = again.stat("acme/file")
    assert stat and again.cached_hash("acme/file", stat) == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"two")
    settle(path, 1800)
    assert again.sha256("acme/file") == hashlib.sha256(b"two").hexdigest()


def test_a_file_written_just_now_is_not_remembered(tmp_path: Path) -> None:
    """Its next write may leave size and time as they are."""
    put(tmp_path, "acme/file", b"one")
    volume = Volume(tmp_path, "brain")
    volume.sha256("acme/file")
    stat = volume.stat("acme/file")
    assert stat and volume.cached_hash("acme/file", stat) is None


FORGED = b'["acme/file", 3, 5, 7, "x\\"}"]\n'
"""A row whose hash would end a checkpoint's text."""


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[[1]]", b"{}", b'[["a", 1, 2, 3, "x"], 5]', b"\xff", FORGED]
)
def test_a_damaged_memory_of_hashes_only_costs_time(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, "acme/file", b"one")
    put(tmp_path, f"{GATE_FOLDER}/{HASHES_FILE}", content)
    volume = Volume(tmp_path, "brain")
    assert volume.sha256("acme/file") == hashlib.sha256(b"one").hexdigest()
    assert all(len(digest) == 64 for _, digest in volume.hashes().values())


def test_the_memory_of_hashes_forgets_what_is_gone(tmp_path: Path) -> None:
    for name in ("kept", "gone"):
        settle(put(tmp_path, f"acme/{name}"))
    volume = Volume(tmp_path, "brain")
    for path in volume.scan():
        volume.sha256(path)
    volume.save_hashes(volume.scan())
    (tmp_path / "acme/gone").unlink()
    volume.save_hashes(volume.scan())

    assert "gone" not in (tmp_path / GATE_FOLDER / HASHES_FILE).read_text()


def test_a_copy_aside_is_named_by_its_content(tmp_path: Path) -> None:
    put(tmp_path, "acme/file", b"one")
    copied = Volume(tmp_path, "brain").copy_aside("acme/file", tmp_path / "aside")
    assert copied.path.read_bytes() == b"one" and copied.stable and copied.size == 3
    assert copied.path.name == copied.sha256 == hashlib.sha256(b"one").hexdigest()


@pytest.mark.parametrize(
    ("path", "manifest"),
    [
        (f"{TABLE}/_versions/1.manifest", True),
        (f"{TABLE}/_latest.manifest", True),
        (f"{TABLE}/data/x.lance", False),
        (f"{TABLE}/_indices/x/page", False),
        ("acme/graph.json", False),
    ],
)
def test_what_names_other_files_of_a_table_is_a_manifest(path: str, manifest: bool) -> None:
    assert is_manifest(path) is manifest


@pytest.mark.parametrize(
    "row", [b"5", b"[[], 1]", b"{}", b"[" * 100_000, b'["a", "b", "c"]', b"\xff", b'["a", 7]', b'["a", null]']
)
def test_a_damaged_binding_is_none(tmp_path: Path, row: bytes) -> None:
    (tmp_path / BINDINGS_FILE).write_bytes(row + b'\n["b", "2"]\n')
    bindings = Bindings(tmp_path)
    bindings.bind({"c": "3"})
    assert [Bindings(tmp_path).of(path) for path in "abc"] == [None, "2", "3"]


def test_a_binding_is_the_first_and_outlives_a_kill_in_the_middle_of_a_line(tmp_path: Path) -> None:
    bindings = Bindings(tmp_path)
    bindings.bind({"a": "1", "b": "2"})
    bindings.bind({"a": "3"})
    with (tmp_path / BINDINGS_FILE).open("a") as file:
        file.write('["c", "4')

    again = Bindings(tmp_path)
    assert (again.of("a"), again.of("b"), again.of("c")) == ("1", "2", None)
    again.bind({"c": "5"})
    again.mark_unknown(["b"])
    last = Bindings(tmp_path)
    assert (last.of("a"), last.of("b"), last.of("c")) == ("1", "", "5")
    last.keep({"a"})
    assert (Bindings(tmp_path).of("a"), Bindings(tmp_path).of("c")) == ("1", None)
