"""Daemons that outlive the program that starts them, and that are stopped by identity, never by a broad name.

A daemon is identified in three ways. Its environment has the state folder and its name. A record in
`<state>/processes/` has its id, start time and boot. A lock is held around each start, and the kernel frees
the lock only when the starter has ended and the daemon has begun to run. So a later run finds every daemon,
even if the starter was killed before it could write the record.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from local.machine import ports
from local.machine.files import REPOSITORY, LocalError, Progress, end_of, locked, write_atomically
from local.machine.procfs import (
    boot_id,
    command_line,
    ends,
    environment,
    find_by_environment,
    handle,
    is_ending,
    start_time,
)
from local.machine.spawning import spawn_detached

STATE_VARIABLE = "DIGITAL_AGENCY_STATE"
NAME_VARIABLE = "DIGITAL_AGENCY_PROCESS"
ORDER_VARIABLE = "DIGITAL_AGENCY_ORDER"
IDENTITY = (STATE_VARIABLE, NAME_VARIABLE, ORDER_VARIABLE)
"""Environment variables of a daemon, inherited by what the daemon starts."""
INHERITED = ("PATH", "HOME", "TMPDIR", "LANG")
POLL_SECONDS = 0.05
REPORT_SECONDS = 5.0
STOP_SECONDS = 10.0
STOP_ROUNDS = 5


class ProcessError(LocalError):
    """A daemon did not start, ended early or did not stop; the message quotes its log."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """`started` is in clock ticks since the boot `boot`: a later process with the same `pid` differs.

    `order` is the daemon's place among the daemons of the state folder; a restart keeps it.
    """

    name: str
    order: int
    pid: int
    started: int
    boot: str


class Processes:
    """The daemons of one state folder. Safe for concurrent use by several processes."""

    def __init__(self, state: Path, progress: Progress = lambda line: None) -> None:
        self.state = state.resolve()
        self._progress = progress
        self._threads = threading.Lock()

    def log(self, name: str) -> Path:
        """The output of a daemon since its last start."""
        return self.state / "logs" / f"{name}.log"

    def find(self, name: str) -> Running | None:
        """The live daemon of this name, with or without a record."""
        recorded = self._recorded(name)
        if recorded is not None and self._is_ours(recorded):
            return recorded
        return min(self._live(name), key=_age, default=None)

    def alive(self, name: str) -> bool:
        """Whether the daemon of this name runs."""
        return self.find(name) is not None

    def start(self, name: str, argv: Sequence[str], env: Mapping[str, str] | None = None) -> Running:
        """Make sure that the daemon runs as `argv` with `env`.

        A daemon with other arguments or another environment is replaced. Of the caller's environment, the
        daemon inherits INHERITED. Raises ProcessError when the program cannot be run.
        """
        env = dict(env or {})
        with self._exclusive():
            running = self.find(name)
            order = self._order(name)
            if running is not None and not self._runs_as(running, argv, env):
                self._stop({name})
                running = None
            if running is None:
                self._await_end(name)
                running = self._spawn(name, order, argv, env)
            write_atomically(self._record(name), json.dumps(asdict(running)))
            return running

    def start_module(
        self, name: str, module: str, arguments: Sequence[str], env: Mapping[str, str]
    ) -> Running:
        """`start` for a Python module of the repository."""
        return self.start(name, python_command(module, *arguments), {"PYTHONPATH": str(REPOSITORY), **env})

    def port(self, name: str) -> int:
        """The daemon's TCP port on 127.0.0.1, chosen once and remembered.

        If another program takes the port while the daemon does not run, another port is chosen.
        """
        file = self.state / "ports.json"
        with self._exclusive():
            remembered: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
            port = remembered.get(name)
            if port is not None and self.alive(name):
                return port
            self._await_end(name)
            if port is None or not ports.is_free(port):
                port = ports.choose(except_for=remembered.values())
                write_atomically(file, json.dumps({**remembered, name: port}))
            return port

    def stop(self, names: Iterable[str]) -> list[str]:
        """Stop these daemons, the last in order first; return the names of the stopped daemons."""
        with self._exclusive():
            return self._stop(set(names))

    def stop_all(self) -> list[str]:
        """Stop every daemon of this state folder, the last in order first; return their names."""
        with self._exclusive():
            return self._stop(None)

    def wait_for(self, condition: Callable[[], bool], what: str, names: Sequence[str], limit: float) -> None:
        """Wait until `condition` holds. `what` names the condition, as in "the API server is ready".

        Raises ProcessError, quoting logs, when a daemon of `names` ends or after `limit` seconds.
        """
        began = time.monotonic()
        reported = began
        while not condition():
            now = time.monotonic()
            if dead := [name for name in names if not self.alive(name)]:
                raise ProcessError(f"{dead[0]} ended before {what}{self._quote(dead[:1])}")
            if now - began > limit:
                raise ProcessError(f"timeout after {limit:.0f} s: waited until {what}{self._quote(names)}")
            if now - reported > REPORT_SECONDS:
                reported = now
                self._progress(f"waiting until {what} ({now - began:.0f} s)")
            time.sleep(POLL_SECONDS)

    def _record(self, name: str) -> Path:
        return self.state / "processes" / f"{name}.json"

    def _recorded(self, name: str) -> Running | None:
        with suppress(FileNotFoundError, ValueError, TypeError):
            return Running(**json.loads(self._record(name).read_text()))
        return None

    @contextmanager
    def guarding(self, what: str) -> Iterator[None]:
        """Hold the lock of `what` in this state folder."""
        for folder in (self.state, self.state / "processes", self.state / "logs"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.state / f"{what}.lock", self._progress, f"it is busy with {what} in {self.state}"):
            yield

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with self._threads, self.guarding("processes"):
            yield

    def _is_ours(self, process: Running) -> bool:
        variables = environment(process.pid)
        return (
            process.boot == boot_id()
            and process.started == start_time(process.pid)
            and variables.get(STATE_VARIABLE) == str(self.state)
            and variables.get(NAME_VARIABLE) == process.name
        )

    def _live(self, name: str | None = None) -> list[Running]:
        """Every live process of this state folder, or of one daemon."""
        return [
            Running(
                name=variables[NAME_VARIABLE],
                order=int(variables.get(ORDER_VARIABLE, 0)),
                pid=pid,
                started=started,
                boot=boot_id(),
            )
            for pid, started, variables in find_by_environment({STATE_VARIABLE: str(self.state)})
            if NAME_VARIABLE in variables and name in (None, variables[NAME_VARIABLE])
        ]

    def _runs_as(self, process: Running, argv: Sequence[str], env: Mapping[str, str]) -> bool:
        return command_line(process.pid) == list(argv) and env.items() <= environment(process.pid).items()

    def _spawn(self, name: str, order: int, argv: Sequence[str], env: Mapping[str, str]) -> Running:
        inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
        identity = {STATE_VARIABLE: str(self.state), NAME_VARIABLE: name, ORDER_VARIABLE: str(order)}
        log = self.log(name)
        if log.exists():
            log.replace(log.with_suffix(".previous.log"))
        try:
            pid = spawn_detached(argv, {**inherited, **env, **identity}, log)
        except OSError as error:
            raise ProcessError(f"cannot run {name} ({argv[0]}): {error.strerror}") from error
        # A daemon that has ended already has no start time; no process has 0.
        return Running(name=name, order=order, pid=pid, started=start_time(pid) or 0, boot=boot_id())

    def _order(self, name: str) -> int:
        """The daemon's recorded place, else after all others."""
        recorded = self._records()
        if name in recorded:
            return recorded[name].order
        return max((other.order for other in recorded.values()), default=0) + 1

    def _records(self) -> dict[str, Running]:
        names = sorted(file.stem for file in (self.state / "processes").glob("[!.]*.json"))
        return {name: recorded for name in names if (recorded := self._recorded(name)) is not None}

    def _await_end(self, name: str) -> None:
        """Wait until a dying daemon has freed its port and files."""
        recorded = self._recorded(name)
        if recorded is None or recorded.started != start_time(recorded.pid) or recorded.boot != boot_id():
            return
        with handle(recorded.pid) as process:
            if is_ending(recorded.pid):
                ends(process, STOP_SECONDS)

    def _stop(self, names: set[str] | None) -> list[str]:
        """Stop these daemons (None: all) and what they started; return the names of the stopped daemons."""
        stopped: list[str] = []
        for _ in range(STOP_ROUNDS):
            running = [process for process in self._live() if names is None or process.name in names]
            for process in sorted(running, key=_age, reverse=True):
                if not (self._end(process, signal.SIGTERM) or self._end(process, signal.SIGKILL)):
                    raise ProcessError(f"{process.name} ({process.pid}) does not end, even after SIGKILL")
                stopped.append(process.name)
            if not running:
                self._forget(name for name in self._records() if names is None or name in names)
                return list(dict.fromkeys(stopped))
        raise ProcessError(f"new processes keep starting: {', '.join(set(stopped))}")

    def _forget(self, dead: Iterable[str]) -> None:
        for name in dead:
            self._await_end(name)
            self._record(name).unlink()

    def _end(self, process: Running, number: signal.Signals) -> bool:
        """Send the signal to exactly this process; whether the process ended within STOP_SECONDS."""
        with handle(process.pid) as target:
            # Only now: the handle stays with this process even if its id is reused.
            if target is None or not self._is_ours(process):
                return True
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(target, number)
            ended = ends(target, STOP_SECONDS)
        with suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)
        return ended

    def _quote(self, names: Iterable[str]) -> str:
        """The ends of these daemons' logs, for an error message."""
        return "".join(f"\n{end_of(self.log(name))}" for name in names)


def python_command(module: str, *arguments: str) -> list[str]:
    """With PYTHONPATH, -P makes modules come from the repository, not from the working folder."""
    return [sys.executable, "-P", "-m", module, *arguments]


def _age(process: Running) -> tuple[int, int, int]:
    return process.order, process.started, process.pid
