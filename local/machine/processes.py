"""Daemons that outlive the program which starts them, and that are stopped by identity, never by a broad
name.

Three things say whose a process is. Its environment carries the state folder and its name from the moment it
runs. A record in `<state>/processes/` has its id, the kernel's start time and the boot. A lock is held around
each start, and the kernel frees it only when the starter has ended and what it forked has begun to run. So
whoever holds the lock finds every daemon, also one whose starter was killed before it could write the record.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from local.machine import ports
from local.machine.files import LocalError, Progress, locked, write_atomically
from local.machine.procfs import (
    boot_id,
    command_line,
    ends,
    environment,
    handle,
    is_ending,
    marked,
    start_time,
)
from local.machine.spawning import spawn_detached

STATE_MARK = "DIGITAL_AGENCY_STATE"
NAME_MARK = "DIGITAL_AGENCY_PROCESS"
ORDER_MARK = "DIGITAL_AGENCY_ORDER"
INHERITED = ("PATH", "HOME", "TMPDIR", "LANG")
POLL_SECONDS = 0.05
REPORT_SECONDS = 5.0
STOP_SECONDS = 10.0
STOP_ROUNDS = 5
LOG_LINES = 15


class ProcessError(LocalError):
    """A daemon did not start, died, or would not stop; the message quotes its log."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """One process: `started` is in clock ticks since the boot `boot`, so a reused `pid` is told apart.

    `order` is its daemon's place among those of the state folder, kept when it is started again.
    """

    name: str
    order: int
    pid: int
    started: int
    boot: str


class Processes:
    """The daemons of one state folder. Safe to use from several processes at once."""

    def __init__(self, state: Path, progress: Progress = lambda line: None) -> None:
        self.state = state.resolve()
        self._progress = progress
        self._threads = threading.Lock()

    def log(self, name: str) -> Path:
        """The file that takes a daemon's output since its last start."""
        return self.state / "logs" / f"{name}.log"

    def find(self, name: str) -> Running | None:
        """The live daemon of this name: the recorded one, else one that was never recorded."""
        recorded = self._recorded(name)
        if recorded is not None and self._is_ours(recorded):
            return recorded
        return min(self._marked(name), key=_age, default=None)

    def alive(self, name: str) -> bool:
        """Whether the daemon of this name runs."""
        return self.find(name) is not None

    def start(self, name: str, argv: Sequence[str], env: Mapping[str, str] | None = None) -> Running:
        """Make sure that the daemon runs as `argv` with `env`; return it.

        One that runs so already is left alone, one that runs otherwise is replaced. Of the caller's
        environment only what finds programs and folders is passed on. Raises ProcessError when the program
        can't be run.
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

    def port(self, name: str) -> int:
        """The TCP port on 127.0.0.1 for the daemon `name`: chosen once and remembered.

        Another one is chosen when, with the daemon not running, somebody else has taken it.
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
        """Stop the daemons of these names, the last in order first; return the names of those stopped."""
        with self._exclusive():
            return self._stop(set(names))

    def stop_all(self) -> list[str]:
        """Stop every daemon of this state folder, the last in order first; return the stopped ones' names."""
        with self._exclusive():
            return self._stop(None)

    def wait_for(self, condition: Callable[[], bool], what: str, names: Sequence[str], limit: float) -> None:
        """Return once `condition` holds. All of `names` must stay alive meanwhile.

        Raises ProcessError, quoting their logs, when one of them died or after `limit` seconds.
        """
        began = time.monotonic()
        reported = began
        while not condition():
            now = time.monotonic()
            if dead := [name for name in names if not self.alive(name)]:
                raise ProcessError(f"{dead[0]} ended before {what}{self._quote(dead[:1])}")
            if now - began > limit:
                raise ProcessError(f"after {limit:.0f} s still waiting: {what}{self._quote(names)}")
            if now - reported > REPORT_SECONDS:
                reported = now
                self._progress(f"waiting: {what} ({now - began:.0f} s)")
            time.sleep(POLL_SECONDS)

    def _record(self, name: str) -> Path:
        return self.state / "processes" / f"{name}.json"

    def _recorded(self, name: str) -> Running | None:
        with suppress(FileNotFoundError, ValueError, TypeError):
            return Running(**json.loads(self._record(name).read_text()))
        return None

    @contextmanager
    def guarding(self, what: str) -> Iterator[None]:
        """Keep other runs from doing the same (`what`) in this state folder until the block is left."""
        for folder in (self.state, self.state / "processes", self.state / "logs"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.state / f"{what}.lock", self._progress, f"it is busy with {what} in {self.state}"):
            yield

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with self._threads, self.guarding("processes"):
            yield

    def _is_ours(self, process: Running) -> bool:
        marks = environment(process.pid)
        return (
            process.boot == boot_id()
            and process.started == start_time(process.pid)
            and marks.get(STATE_MARK) == str(self.state)
            and marks.get(NAME_MARK) == process.name
        )

    def _marked(self, name: str | None = None) -> list[Running]:
        """Every live process that carries this state folder's mark, or only those of one daemon."""
        return [
            Running(
                name=marks[NAME_MARK],
                order=int(marks.get(ORDER_MARK, 0)),
                pid=pid,
                started=started,
                boot=boot_id(),
            )
            for pid, started, marks in marked({STATE_MARK: str(self.state)})
            if NAME_MARK in marks and name in (None, marks[NAME_MARK])
        ]

    def _runs_as(self, process: Running, argv: Sequence[str], env: Mapping[str, str]) -> bool:
        return command_line(process.pid) == list(argv) and env.items() <= environment(process.pid).items()

    def _spawn(self, name: str, order: int, argv: Sequence[str], env: Mapping[str, str]) -> Running:
        inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
        marks = {STATE_MARK: str(self.state), NAME_MARK: name, ORDER_MARK: str(order)}
        log = self.log(name)
        if log.exists():
            log.replace(log.with_suffix(".previous.log"))
        try:
            pid = spawn_detached(argv, {**inherited, **env, **marks}, log)
        except OSError as error:
            raise ProcessError(f"cannot run {name} ({argv[0]}): {error.strerror}") from error
        # One that has ended already, and that somebody has waited for, has no start time: 0 is nobody's.
        return Running(name=name, order=order, pid=pid, started=start_time(pid) or 0, boot=boot_id())

    def _order(self, name: str) -> int:
        """The daemon's place: the one that it had, else after all others."""
        recorded = self._records()
        if name in recorded:
            return recorded[name].order
        return max((other.order for other in recorded.values()), default=0) + 1

    def _records(self) -> dict[str, Running]:
        names = sorted(file.stem for file in (self.state / "processes").glob("[!.]*.json"))
        found = {name: self._recorded(name) for name in names}
        return {name: recorded for name, recorded in found.items() if recorded is not None}

    def _await_end(self, name: str) -> None:
        """Wait while the daemon, dead already, is taken apart: until then its port and files are in use."""
        recorded = self._recorded(name)
        if recorded is None or recorded.started != start_time(recorded.pid) or recorded.boot != boot_id():
            return
        with handle(recorded.pid) as process:
            if is_ending(recorded.pid):
                ends(process, STOP_SECONDS)

    def _stop(self, names: set[str] | None) -> list[str]:
        """Stop the daemons of these names (None: all) and what they started; return the names of those."""
        stopped: list[str] = []
        for _ in range(STOP_ROUNDS):
            found = [process for process in self._marked() if names is None or process.name in names]
            for process in sorted(found, key=_age, reverse=True):
                if not (self._end(process, signal.SIGTERM) or self._end(process, signal.SIGKILL)):
                    raise ProcessError(f"{process.name} ({process.pid}) does not end, not even on SIGKILL")
                stopped.append(process.name)
            if not found:
                self._forget(name for name in self._records() if names is None or name in names)
                return list(dict.fromkeys(stopped))
        raise ProcessError(f"new processes kept appearing: {', '.join(set(stopped))}")

    def _forget(self, dead: Iterable[str]) -> None:
        for name in dead:
            self._await_end(name)
            self._record(name).unlink()

    def _end(self, process: Running, number: signal.Signals) -> bool:
        """Send the signal to exactly this process; whether it ended within STOP_SECONDS."""
        with handle(process.pid) as target:
            # Looked at only now: the handle goes on meaning this process, whoever gets its id later.
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
        quoted = ""
        for name in names:
            log = self.log(name)
            lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:] if log.exists() else []
            quoted += f"\nthe end of {log}:\n" + "\n".join(lines)
        return quoted


def _age(process: Running) -> tuple[int, int, int]:
    return process.order, process.started, process.pid
