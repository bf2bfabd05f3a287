"""The in-pod scripts, as processes of this machine."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.probing.pods import IN_POD, source
from ops.probing.test_data import DRILL, VALIDATION
from tests.services import until

SLEEPER = "import time\nwhile True: time.sleep(1)"


@pytest.fixture
def container() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A process of a container that no other test has."""
    name = f"brain-{os.getpid()}-{os.urandom(4).hex()}"
    process = sleeper(name)
    try:
        yield name, process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def sleeper(container: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", SLEEPER], env={"AGENCY_CONTAINER": container})
    # Until then it is a copy of this process, with this one's environment.
    until(lambda: container.encode() in environment(process.pid), "it has begun")
    return process


def environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def is_stopped(process: subprocess.Popen[bytes]) -> bool:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def freezer(container: str, **constants: float) -> subprocess.Popen[str]:
    """The script as it is sent into pods, or with other values of its constants."""
    changed = (
        "import sys\nfrom ops.probing.in_pod import freeze\n"
        f"vars(freeze).update({constants})\nfreeze.main(sys.argv[1:])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", changed if constants else source("freeze"), container],
        cwd=IN_POD.parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def say(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(word)
    process.stdin.flush()


def test_nothing_is_stopped_before_the_first_byte(container: tuple[str, subprocess.Popen[bytes]]) -> None:
    name, process = container
    freeze = freezer(name)
    assert not is_stopped(process)
    assert freeze.stdin is not None
    freeze.stdin.close()
    assert freeze.wait(10) == 0
    assert not is_stopped(process)


@pytest.mark.parametrize("end", ["quit", "input ends", "SIGTERM", "SIGHUP"])
def test_the_application_is_stopped_until_the_session_ends_however_it_ends(
    container: tuple[str, subprocess.Popen[bytes]], end: str
) -> None:
    name, process = container
    freeze = freezer(name)
    say(freeze, ".")
    until(lambda: is_stopped(process), "it stands still", 10)
    if end == "quit":
        say(freeze, "q")
    elif end == "input ends":
        assert freeze.stdin is not None
        freeze.stdin.close()
    else:
        freeze.send_signal(signal.Signals[end])
    freeze.wait(10)
    assert not is_stopped(process)
    assert freeze.stdout is not None
    assert ("continued" in freeze.stdout.read()) is (end in ("quit", "input ends"))


def test_a_process_that_starts_meanwhile_is_stopped_too(
    container: tuple[str, subprocess.Popen[bytes]],
) -> None:
    name, first = container
    freeze = freezer(name)
    say(freeze, ".")
    until(lambda: is_stopped(first), "the first stands still", 10)
    second = sleeper(name)
    try:
        until(lambda: is_stopped(second), "the second one, too", 10)
        say(freeze, "q")
        freeze.wait(10)
        assert not is_stopped(first)
        assert not is_stopped(second)
    finally:
        second.kill()
        second.wait()


def test_processes_of_other_containers_continue(container: tuple[str, subprocess.Popen[bytes]]) -> None:
    name, process = container
    other = sleeper(f"{name}-gate")
    freeze = freezer(name)
    try:
        say(freeze, ".")
        until(lambda: is_stopped(process), "the application stands still", 10)
        assert not is_stopped(other)
        say(freeze, "q")
        freeze.wait(10)
    finally:
        other.kill()
        other.wait()


def test_silence_ends_it(container: tuple[str, subprocess.Popen[bytes]]) -> None:
    name, process = container
    freeze = freezer(name, SILENCE_SECONDS=1.0)
    say(freeze, ".")
    until(lambda: is_stopped(process), "it stands still", 10)
    assert freeze.wait(10) == 0
    assert freeze.stdout is not None
    assert freeze.stdout.read() == "continued\n"
    assert not is_stopped(process)


def test_now_and_then_it_answers_for_a_moment(container: tuple[str, subprocess.Popen[bytes]]) -> None:
    """Else the application would never even take what came in: it is slow, not gone."""
    name, process = container
    freeze = freezer(name, FROZEN_SECONDS=0.5, AWAKE_SECONDS=0.3)
    say(freeze, ".")
    for _ in range(3):
        until(lambda: is_stopped(process), "it stands still", 10)
        until(lambda: not is_stopped(process), "it is awake", 10)
        say(freeze, ".")
    say(freeze, "q")
    assert freeze.wait(10) == 0


def test_a_container_without_processes_is_an_error() -> None:
    done = subprocess.run(
        [sys.executable, "-c", source("freeze"), "nobody-here"], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert "no process of nobody-here is visible here" in done.stderr


def run(name: str, volume: Path, argument: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", source(name), json.dumps(argument)],
        env={**os.environ, "GATE_VOLUME": str(volume)},
        capture_output=True,
        text=True,
        timeout=30,
    )


def write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")


def test_the_drill_s_folders_are_removed_and_the_remaining_tables_printed(tmp_path: Path) -> None:
    write(
        tmp_path,
        "acme/episodic/memories.lance/data/1.lance",
        "drill-1/episodic/memories.lance/data/1.lance",
        "drill-1-nobody/episodic/locks/x.lock",
        ".standby/acme/episodic/memories.lance/data/1.lance",
        "diverged/1/acme/episodic/memories.lance/data/1.lance",
    )
    done = run("volume", tmp_path, {"remove": ["drill-1", "drill-1-nobody", "drill-1-never-there"]})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tables"] == ["acme/episodic/memories.lance"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".standby", "acme", "diverged"]


@pytest.mark.parametrize("name", ["acme", "drill-1/../acme", "../acme", "../drill-1", "/drill-1"])
def test_no_other_folder_is_ever_removed(tmp_path: Path, name: str) -> None:
    write(tmp_path, "acme/graph.json", "drill-1/graph.json")
    done = run("volume", tmp_path, {"remove": [name]})
    assert done.returncode == 1
    assert "no test data of a drill" in done.stderr
    assert (tmp_path / "acme" / "graph.json").exists()


def test_markers_are_found_in_diverged_files_and_nowhere_else(tmp_path: Path) -> None:
    aside = tmp_path / "diverged" / "20261123T030000000Z" / "drill-1"
    aside.mkdir(parents=True)
    (aside / "0.lance").write_bytes(
        b"\0\xff drill-1.acme.home.00007\0drill-1.acme.away.00002 drill-1.acme.home.00007"
    )
    write(tmp_path, "drill-1/0.lance")
    (tmp_path / "drill-1" / "0.lance").write_bytes(b"drill-1.acme.home.00001")
    done = run("search", tmp_path, r"drill-1\.[a-z0-9-]+\.(?:home|away)\.\d{5}")
    assert json.loads(done.stdout) == ["drill-1.acme.away.00002", "drill-1.acme.home.00007"]
    assert run("search", tmp_path / "empty", "x").stdout == "[]\n"


def test_names_of_test_data_are_those_that_may_be_removed() -> None:
    assert f'TEST_DATA = ("{DRILL}-", "{VALIDATION}-")' in source("volume")


def test_in_pod_scripts_need_only_the_standard_library() -> None:
    for file in IN_POD.glob("*.py"):
        for name in re.findall(r"^(?:import|from) (\w+)", file.read_text(), re.MULTILINE):
            assert name in sys.stdlib_module_names or name == "__future__", f"{file.name} imports {name}"
