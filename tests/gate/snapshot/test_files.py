"""What an application can put in a file's place is never read, sent, or waited for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.gate.handover.roles import Role
from runtime.gate.mcp import MCP_FILE, SCHEDULER_FILE, write
from runtime.gate.storage.files import link_below, open_below, read_below


def fifo(path: Path) -> None:
    os.mkfifo(path)


def link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def dangling_link(path: Path) -> None:
    path.symlink_to("/nowhere")


def folder(path: Path) -> None:
    path.mkdir()


def device(path: Path) -> None:
    os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero


def listener(path: Path) -> None:
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(path.parent)  # The longest address has 108 bytes.
    try:
        server.bind(path.name)
    finally:
        os.chdir(here)
        server.close()


REPLACEMENTS = (fifo, link, dangling_link, folder, device, listener)
replacements = pytest.mark.parametrize("replace", REPLACEMENTS, ids=lambda replace: replace.__name__)


@replacements
def test_only_a_regular_file_is_read_or_linked(tmp_path: Path, replace: Callable[[Path], None]) -> None:
    (tmp_path / "acme").mkdir()
    replace(tmp_path / "acme" / "file")
    with pytest.raises(FileNotFoundError):
        open_below(tmp_path, "acme/file")
    with pytest.raises(FileNotFoundError):
        link_below(tmp_path, "acme/file", tmp_path / "staging" / "file")
    assert not os.path.lexists(tmp_path / "staging" / "file")


@pytest.mark.parametrize("part", ["acme", "acme/inner"])
def test_no_part_of_a_path_may_be_a_link(tmp_path: Path, part: str) -> None:
    volume, elsewhere = tmp_path / "volume", tmp_path / "elsewhere"
    for top in (volume, elsewhere):
        (top / "acme/inner").mkdir(parents=True)
        (top / "acme/inner/file").write_text(top.name)
    (volume / part).rename(tmp_path / "moved")
    (volume / part).symlink_to(elsewhere / part)

    with pytest.raises(FileNotFoundError):
        open_below(volume, "acme/inner/file")
    with pytest.raises(FileNotFoundError):
        link_below(volume, "acme/inner/file", tmp_path / "staging" / "file")


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_below(tmp_path, "file", limit=5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        read_below(tmp_path, "file", limit=4)


def test_a_link_is_the_file_itself(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/file").write_bytes(b"content")
    link_below(tmp_path, "acme/file", tmp_path / "staging/deep/file")
    assert (tmp_path / "staging/deep/file").samefile(tmp_path / "acme/file")


@replacements
@pytest.mark.parametrize("name", [MCP_FILE, SCHEDULER_FILE])
def test_the_agents_tasks_are_switched_off_whatever_lies_beside_them(
    tmp_path: Path, replace: Callable[[Path], None], name: str
) -> None:
    config, volume, work = tmp_path / "config", tmp_path / "volume", tmp_path / "work"
    for each in (config, volume, work):
        each.mkdir()
    (config / "mcp.standby.json").write_text('{"scheduledTasks": []}')
    replace((work if name == MCP_FILE else volume) / name)

    assert write(Role.STANDBY, config=config, volume=volume, work=work)
    assert (work / MCP_FILE).read_text() == '{\n  "scheduledTasks": []\n}'


def test_hostile_tasks_are_no_tasks(tmp_path: Path) -> None:
    (tmp_path / "mcp.standby.json").write_text('{"scheduledTasks": []}')
    (tmp_path / SCHEDULER_FILE).write_text("[" * 100_000)
    assert write(Role.STANDBY, config=tmp_path, volume=tmp_path, work=tmp_path)
