"""Targets without a cluster: processes on this machine, with temporary folders as volumes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clients import http_client
from clients.http_client import HttpError, quoted
from clients.pod_streams import LOOPBACK, Executed
from ops.probing.containers import BRAIN, HEALTH_MONITOR
from ops.probing.failure import Failure
from ops.terminal import REPORT_SECONDS, rounds, say
from ops.validation.target import Limits, Target

AGENT_FOLDER = ".agent"
"""The application requires the folder's name."""
ATTEMPTS = 3
POLL_SECONDS = 0.1
LOG_LINES = 5
END_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Shell commands that start a Brain and a health monitor, in the folder where the suite was called.

    Their environment has PORT, JULES_AGENT_DIR (a folder named .agent) and MOCK_EMBEDDINGS.
    """

    brain: str
    health_monitor: str


class Server:
    """One process that serves HTTP, started by a shell command in a process group of its own."""

    def __init__(self, name: str, command: str, folder: Path, log: Path, limit: float) -> None:
        """`folder` is its `.agent`; `limit`: seconds until it answers."""
        self.name, self.log = name, log
        self._command, self._folder, self._limit = command, folder, limit
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def start(self) -> None:
        """Start it, and wait until `/health` answers 200. Raises Failure, quoting its output."""
        for _ in range(ATTEMPTS):
            self._spawn()
            code = self._await_health()
            if code is None:
                return
            # Another program may have taken the port before this one could.
            if _is_free(self._port):
                break
        raise self._failure(f"ended with exit code {code} before it answered")

    def _spawn(self) -> None:
        with socket.create_server((LOOPBACK, 0)) as probe:
            self._port = probe.getsockname()[1]
        self._folder.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._environment()},
                start_new_session=True,
            )

    def _await_health(self) -> int | None:
        """None once it answers; the code with which it ended before. Raises Failure after the limit."""
        assert self._process is not None
        problem = ""
        for elapsed, report in rounds(POLL_SECONDS, self._limit):
            if (code := self._process.poll()) is not None:
                return code
            try:
                http_client.health(self.url, timeout=min(5.0, self._limit))
                return None
            except HttpError as error:
                problem = str(error)
            if report and elapsed >= REPORT_SECONDS:
                say(f"    waiting until {self.name} answers ({elapsed:.0f} s)")
        raise self._failure(f"was started and does not answer in {self._limit:.0f} s: {problem}")

    def kill(self) -> None:
        """SIGKILL to its process group, and wait for the end."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(END_SECONDS)
        self._process = None

    def _environment(self) -> Mapping[str, str]:
        return {"PORT": str(self._port), "JULES_AGENT_DIR": str(self._folder), "MOCK_EMBEDDINGS": "true"}

    def _failure(self, problem: str) -> Failure:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        output = f"; its last output: {quoted(' | '.join(lines), 400)}" if lines else "; it printed nothing"
        return Failure(f"{self.name} ({self._command}) {problem}{output}", str(self.log))


class ProcessTarget(Target):
    """A company's Brain and health monitor, each with a folder of its own, as pods have."""

    def __init__(self, company: str, commands: Commands, volumes: Path, logs: Path, limits: Limits) -> None:
        self.company, self._volumes = company, volumes / company
        self._memory, self._agent = (self._volumes / name / AGENT_FOLDER for name in ("brain", "agent"))
        self._servers = {
            name: Server(
                f"the {name} of {company}", command, folder, logs / f"{company}-{name}.log", limits.start
            )
            for name, command, folder in (
                (BRAIN, commands.brain, self._memory),
                (HEALTH_MONITOR, commands.health_monitor, self._agent),
            )
        }

    def open(self) -> None:
        for server in self._servers.values():
            server.start()

    def close(self) -> None:
        for server in self._servers.values():
            server.kill()
        shutil.rmtree(self._volumes, ignore_errors=True)

    def url(self, container: str) -> str:
        return self._servers[container].url

    def logs(self, container: str) -> str:
        return str(self._servers[BRAIN if container == BRAIN else HEALTH_MONITOR].log)

    def count_files(self, folder: str) -> int:
        return sum(path.is_file() for path in (self._memory / "brain" / folder).rglob("*"))

    def execute(self, container: str, script: str, arguments: Sequence[str]) -> Executed:
        argv = ["/bin/sh", "-c", script, "sh", str(self._agent), *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace")
        return Executed(done.returncode, done.stdout, done.stderr)

    def restart_brain(self) -> str:
        self._servers[BRAIN].kill()
        began = time.monotonic()
        self._servers[BRAIN].start()
        return f"killed (SIGKILL) and started again in {time.monotonic() - began:.1f} s"


def _is_free(port: int) -> bool:
    with suppress(OSError), socket.create_server((LOOPBACK, port)):
        return True
    return False
