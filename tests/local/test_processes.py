"""Daemons: started once, found again, stopped by identity."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from local.machine import processes as processes_module
from local.machine import procfs
from local.machine.processes import NAME_VARIABLE, STATE_VARIABLE, ProcessError, Processes, Running
from tests.services import until

SLEEP = ["/bin/sleep", "1000"]
KILLED_STARTERS = 40


def live(state: Path) -> list[int]:
    return [pid for pid, *_ in procfs.find_by_environment({STATE_VARIABLE: str(state.resolve())})]


@contextmanager
def foreign_process(env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that was not started through Processes."""
    with subprocess.Popen(SLEEP, env=env) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_daemon_that_was_started_is_alive_and_recorded(state: Path) -> None:
    running = Processes(state).start("sleeper", SLEEP)

    assert Processes(state).find("sleeper") == running
    assert json.loads((state / "processes" / "sleeper.json").read_text()) == asdict(running)
    assert running.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_a_second_start_leaves_the_daemon_alone(state: Path) -> None:
    first = Processes(state).start("sleeper", SLEEP, {"A": "1"})

    assert Processes(state).start("sleeper", SLEEP, {"A": "1"}) == first
    assert live(state) == [first.pid]


@pytest.mark.parametrize(
    ("argv", "env"),
    [(["/bin/sleep", "2000"], {"A": "1"}), (SLEEP, {"A": "2"})],
    ids=["other arguments", "another environment"],
)
def test_a_daemon_that_runs_otherwise_is_replaced(state: Path, argv: list[str], env: dict[str, str]) -> None:
    processes = Processes(state)
    first = processes.start("sleeper", SLEEP, {"A": "1"})

    second = processes.start("sleeper", argv, env)

    assert second.pid != first.pid
    assert live(state) == [second.pid]


def test_a_daemon_leads_a_session_of_its_own_and_writes_to_its_log(state: Path) -> None:
    processes = Processes(state)
    running = processes.start("talker", ["/bin/sh", "-c", "echo out; echo err >&2; exec sleep 1000"])

    until(lambda: processes.log("talker").read_text() == "out\nerr\n", "both lines are in the log")
    assert os.getsid(running.pid) == running.pid != os.getsid(0)


def test_a_daemon_gets_no_open_pipe_and_no_secret_of_its_starter(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "secret")
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    running = Processes(state).start("sleeper", SLEEP)
    os.close(writing)

    assert os.read(reading, 1) == b""
    os.close(reading)
    assert "SOME_TOKEN" not in procfs.environment(running.pid)


def test_a_daemon_outlives_its_starter(state: Path) -> None:
    code = "import sys; from pathlib import Path; from local.machine.processes import Processes\n"
    code += "Processes(Path(sys.argv[1])).start('sleeper', ['/bin/sleep', '1000'])"
    subprocess.run([sys.executable, "-c", code, str(state)], check=True)

    assert Processes(state).alive("sleeper")


def test_a_program_that_is_missing_is_named(state: Path) -> None:
    with pytest.raises(ProcessError, match=r"cannot run ghost \(/nowhere/ghost\): No such file or directory"):
        Processes(state).start("ghost", ["/nowhere/ghost"])


def test_stop_ends_the_last_in_order_first_and_leaves_no_process(state: Path) -> None:
    processes = Processes(state)
    first = processes.start("first", SLEEP)
    processes.start("second", SLEEP)
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: not processes.alive("first"), "it is dead")
    # Started again after the second, it still comes before it: others may need it.
    processes.start("first", SLEEP)

    assert Processes(state).stop_all() == ["second", "first"]
    assert live(state) == []
    assert list((state / "processes").glob("*.json")) == []


def test_stop_of_one_leaves_the_other(state: Path) -> None:
    processes = Processes(state)
    processes.start("first", SLEEP)
    processes.start("second", SLEEP)

    assert processes.stop(["first"]) == ["first"]
    assert not processes.alive("first")
    assert processes.alive("second")


def test_stop_of_nothing_touches_nothing(state: Path) -> None:
    running = Processes(state).start("sleeper", SLEEP)

    assert Processes(state).stop([]) == []
    assert Processes(state).find("sleeper") == running
    assert (state / "processes" / "sleeper.json").exists()


def test_stop_kills_a_daemon_that_ignores_sigterm_and_its_children(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes_module, "STOP_SECONDS", 0.2)
    script = "trap '' TERM; setsid sleep 1000 & echo ready; while :; do sleep 1000; done"
    processes = Processes(state)
    processes.start("stubborn", ["/bin/sh", "-c", script])
    until(lambda: processes.log("stubborn").read_text() == "ready\n", "the signal is ignored")
    until(lambda: len(live(state)) == 3, "its children run")

    assert processes.stop_all() == ["stubborn"]
    assert live(state) == []


def test_a_starter_killed_between_fork_and_record_loses_no_process(state: Path) -> None:
    code = "import os, sys; from pathlib import Path; from local.machine import processes\n"
    code += "processes.write_atomically = lambda *_: os.kill(os.getpid(), 9)\n"
    code += "processes.Processes(Path(sys.argv[1])).start('sleeper', ['/bin/sleep', '1000'])"
    starter = subprocess.run([sys.executable, "-c", code, str(state)], check=False)
    assert starter.returncode == -signal.SIGKILL
    assert not (state / "processes" / "sleeper.json").exists()

    orphan = Processes(state).find("sleeper")
    assert orphan is not None
    assert Processes(state).start("sleeper", SLEEP) == orphan
    assert Processes(state).stop_all() == ["sleeper"]
    assert live(state) == []


def test_a_starter_killed_at_any_moment_around_the_fork_loses_no_process(state: Path) -> None:
    chance = random.Random(1)
    started = 0
    for _ in range(KILLED_STARTERS):
        reading, writing = os.pipe()
        starter = os.fork()
        if starter == 0:
            start_announcing_the_fork(state, writing)
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        time.sleep(chance.uniform(0, 0.003))
        os.kill(starter, signal.SIGKILL)
        started += bool(Processes(state).stop_all())
        assert live(state) == []
        os.waitpid(starter, 0)
    assert live(state) == []
    assert started > 0


def start_announcing_the_fork(state: Path, pipe: int) -> None:
    """In a forked copy of the test: start a daemon, write to `pipe` just before it forks, never return."""
    fork = os.posix_spawn

    def announced(*args: Any, **kwargs: Any) -> int:
        os.write(pipe, b"!")
        return fork(*args, **kwargs)

    try:
        os.posix_spawn = announced
        Processes(state).start("sleeper", SLEEP)
    finally:
        os._exit(0)


def test_a_process_id_that_somebody_else_got_is_never_killed(state: Path) -> None:
    processes = Processes(state)
    ours = processes.start("sleeper", SLEEP)
    processes.stop_all()
    with foreign_process({}) as stranger:
        started = procfs.start_time(stranger.pid)
        assert started is not None
        record = state / "processes" / "sleeper.json"
        for recorded in (
            Running(name="sleeper", order=1, pid=stranger.pid, started=ours.started, boot=ours.boot),
            Running(name="sleeper", order=1, pid=stranger.pid, started=started, boot="an earlier boot"),
            # Even one that agrees in everything but carries no mark.
            Running(name="sleeper", order=1, pid=stranger.pid, started=started, boot=ours.boot),
        ):
            record.write_text(json.dumps(asdict(recorded)))
            assert not processes.alive("sleeper")
            assert processes.stop_all() == []
            assert processes.stop(["sleeper"]) == []
        assert stranger.poll() is None


def test_a_process_with_our_variables_under_another_state_folder_is_not_ours(state: Path) -> None:
    variables = {STATE_VARIABLE: f"{state.resolve()}-2", NAME_VARIABLE: "sleeper"}
    with foreign_process(variables) as stranger:
        until(lambda: procfs.environment(stranger.pid) == variables, "it runs")
        assert not Processes(state).alive("sleeper")
        assert Processes(state).stop_all() == []
        assert stranger.poll() is None


def test_a_shell_in_which_somebody_named_the_state_folder_is_not_ours(state: Path) -> None:
    with foreign_process({STATE_VARIABLE: str(state.resolve())}) as shell:
        until(lambda: STATE_VARIABLE in procfs.environment(shell.pid), "it runs")
        assert Processes(state).stop_all() == []
        assert shell.poll() is None


def test_a_record_cut_short_is_no_obstacle(state: Path) -> None:
    running = Processes(state).start("sleeper", SLEEP)
    (state / "processes" / "sleeper.json").write_text('{"name": "slee')

    assert Processes(state).find("sleeper") == running


def test_two_state_folders_do_not_meet(tmp_path: Path) -> None:
    here, there = Processes(tmp_path / "here"), Processes(tmp_path / "there")
    try:
        mine, other = here.start("sleeper", SLEEP), there.start("sleeper", SLEEP)
        assert mine.pid != other.pid
        assert here.stop_all() == ["sleeper"]
        assert there.find("sleeper") == other
    finally:
        here.stop_all()
        there.stop_all()


def test_waiting_for_a_daemon_that_dies_quotes_its_log(state: Path) -> None:
    processes = Processes(state)
    processes.start("broken", ["/bin/sh", "-c", "echo no such luck >&2; exit 3"])

    with pytest.raises(
        ProcessError, match=r"(?s)broken ended before it is ready\n.*broken\.log:\nno such luck"
    ):
        processes.wait_for(lambda: False, "it is ready", ["broken"], limit=60)


def test_waiting_in_vain_says_for_what(state: Path) -> None:
    processes = Processes(state)
    processes.start("idle", SLEEP)

    with pytest.raises(ProcessError, match="timeout after 0 s: waited until it is ready"):
        processes.wait_for(lambda: False, "it is ready", ["idle"], limit=0.1)
