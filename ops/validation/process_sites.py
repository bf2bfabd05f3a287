"""Sites without any cluster: processes on this machine, with temporary folders as volumes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from local.machine import ports
from local.machine.ports import LOOPBACK
from ops import mcp_client
from ops.mcp_client import McpError
from ops.terminal import REPORT_SECONDS, rounds, say
from ops.validation.run import shown
from ops.validation.sites import Limits
from ops.validation.verdicts import Failure

AGENT_FOLDER = ".agent"
"""The application insists on the folder's name."""
POLL_SECONDS = 0.1
LOG_LINES = 5
END_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Shell commands that start a Brain and a health monitor, in the folder where the suite was called.

    They find PORT, JULES_AGENT_DIR (a folder named .agent) and MOCK_EMBEDDINGS in their environment.
    """

    brain: str
    health_monitor: str


class Server:
    """One process that serves HTTP, started by a shell command in a process group of its own."""

    def __init__(self, what: str, command: str, folder: Path, log: Path, limit: float) -> None:
        """`folder` is its `.agent`; `limit`: seconds until it answers."""
        self.what, self.log = what, log
        self._command, self._folder, self._limit = command, folder, limit
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def start(self) -> None:
        """Start it, and wait until `/health` answers 200. Raises Failure, quoting its output."""
        for _ in range(ports.ATTEMPTS):
            self._spawn()
            code = self._answered()
            if code is None:
                return
            # Another program may have taken the port before this one could.
            if ports.is_free(self._port):
                break
        raise self._failure(f"ended with exit code {code} before it answered")

    def _spawn(self) -> None:
        self._port = ports.choose(())
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

    def _answered(self) -> int | None:
        """None once it answers; the code with which it ended before. Raises Failure after the limit."""
        assert self._process is not None
        problem = ""
        for passed, tell in rounds(POLL_SECONDS, self._limit):
            if (code := self._process.poll()) is not None:
                return code
            try:
                mcp_client.health(self.url, timeout=min(5.0, self._limit))
                return None
            except McpError as error:
                problem = str(error)
            if tell and passed >= REPORT_SECONDS:
                say(f"    waiting until {self.what} answers ({passed:.0f} s)")
        raise self._failure(f"was started and does not answer in {self._limit:.0f} s: {problem}")

    def kill(self) -> None:
        """SIGKILL to all of its group, and wait for the end."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(END_SECONDS)
        self._process = None

    def _environment(self) -> Mapping[str, str]:
        return {
            "PORT": str(self._port),
            "JULES_AGENT_DIR": str(self._folder),
            "MOCK_EMBEDDINGS": "true",
        }

    def _failure(self, how: str) -> Failure:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        output = f"; its last output: {shown(' | '.join(lines), 400)}" if lines else "; it printed nothing"
        return Failure(f"{self.what} ({self._command}) {how}{output}", str(self.log))


class ProcessSite:
    """A company's Brain and health monitor, each with a folder of its own, as pods have."""

    region = ""

    def __init__(self, company: str, commands: Commands, volumes: Path, logs: Path, limits: Limits) -> None:
        self.company = company
        self._memory = volumes / company / "brain" / AGENT_FOLDER
        self._agent = volumes / company / "agent" / AGENT_FOLDER
        self._volumes = volumes / company
        self._brain, self._monitor = (
            Server(f"the {name} of {company}", command, folder, logs / f"{company}-{name}.log", limits.start)
            for name, command, folder in (
                ("brain", commands.brain, self._memory),
                ("health-monitor", commands.health_monitor, self._agent),
            )
        )

    @property
    def brain(self) -> str:
        return self._brain.url

    @property
    def health_monitor(self) -> str:
        return self._monitor.url

    def open(self) -> None:
        self._brain.start()
        self._monitor.start()

    def close(self) -> None:
        self._brain.kill()
        self._monitor.kill()
        shutil.rmtree(self._volumes, ignore_errors=True)

    def standby(self) -> str | None:
        return None

    def look(self, container: str) -> str:
        return str((self._brain if container == "brain" else self._monitor).log)

    def files(self, space: str) -> int:
        return sum(path.is_file() for path in (self._memory / "brain" / space).rglob("*"))

    def restart_brain(self) -> str:
        self._brain.kill()
        began = time.monotonic()
        self._brain.start()
        return f"killed (SIGKILL) and started again in {time.monotonic() - began:.1f} s"

    def recovered(self) -> bool:
        return False

    def write_metric(self, agent: str, metric: str, value: float) -> None:
        now = datetime.now(UTC)
        told = {"timestamp": now.isoformat(), "agent": agent, "metric": metric, "value": value, "tags": {}}
        folder = self._agent / "metrics"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{now:%Y-%m-%d}.ndjson").open("a") as file:
            file.write(json.dumps(told) + "\n")

    def metrics_with(self, text: str) -> Sequence[str]:
        return [line for line in self._metrics() if text in line]

    def forget(self, spaces: Collection[str], asked: Collection[str]) -> str:
        self.close()
        return "the processes are ended, their folders are removed"

    def _metrics(self) -> Iterator[str]:
        for file in sorted((self._agent / "metrics").glob("*.ndjson")):
            yield from file.read_text(errors="replace").splitlines()
