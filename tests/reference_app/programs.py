"""The application's programs as processes on this machine, started as its image starts them."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from local.machine.ports import LOOPBACK, choose
from tests.services import until

NODE = Path(__file__).parents[2] / "local" / "reference_app" / "node"
AGENT = "dist/daemon.js"
BRAIN = "dist/mcp_servers/brain/index.js"
HEALTH_MONITOR = "dist/mcp_servers/health_monitor/index.js"
SECONDS = 60.0
ACCEPTED = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

_ids = itertools.count(1)


def environment(volume: Path, **more: str) -> dict[str, str]:
    """Of a program whose data lie in `volume/.agent`."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "JULES_AGENT_DIR": str(volume / ".agent"), "MOCK_EMBEDDINGS": "true", **more}


class ToolFailed(Exception):
    pass


class Port:
    """A program's port on this machine."""

    def __init__(self, port: int) -> None:
        self.port = port

    def send(
        self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] = ACCEPTED
    ) -> tuple[int, str, str]:
        """Status, content type and text of an answer."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=SECONDS)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.headers.get_content_type(), answer.read().decode()
        finally:
            connection.close()

    def call(self, tool: str, **arguments: Any) -> str:
        """The text that a tool answers. Raises ToolFailed with it, when it says that it failed."""
        id = next(_ids)
        parameters = {"name": tool, "arguments": arguments}
        request = {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": parameters}
        status, kind, text = self.send("POST", "/messages", json.dumps(request))
        assert (status, kind) == (200, "text/event-stream"), text
        data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
        assert len(data) == 1, text
        answer = json.loads(data[0])
        assert answer["id"] == id, text
        said = "\n".join(part["text"] for part in answer["result"]["content"])
        if answer["result"].get("isError"):
            raise ToolFailed(said)
        return said


class Program(Port):
    """One that runs, with a port."""

    def __init__(self, script: str, volume: Path, **variables: str) -> None:
        super().__init__(choose(()))
        self._script = script
        self._volume = volume
        self._variables = variables
        self.start()

    def start(self) -> None:
        """Also once more, on the same port."""
        variables = environment(self._volume, PORT=str(self.port), **self._variables)
        self.process = subprocess.Popen(
            [sys.executable, str(NODE), self._script],
            env=variables,
            cwd=self._volume,
            stdin=subprocess.DEVNULL,
        )
        until(self._healthy, f"{self._script} answers")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def children(self) -> list[int]:
        return children(self.process.pid)

    def _healthy(self) -> bool:
        assert self.process.poll() is None, f"{self._script} ended with {self.process.returncode}"
        try:
            return self.send("GET", "/health")[::2] == (200, "OK")
        except OSError:
            return False


def children(pid: int) -> list[int]:
    """Processes that one has started and that run.

    By each one's parent: the kernel's lists of a thread's children lose one while the thread ends.
    """
    pids = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state not in "ZX":
                pids.append(int(folder.name))
    return pids


@contextmanager
def running(script: str, volume: Path, **variables: str) -> Iterator[Program]:
    program = Program(script, volume, **variables)
    try:
        yield program
    finally:
        for child in program.children():
            os.kill(child, signal.SIGKILL)
        program.kill()


def ended(pid: int) -> bool:
    """Whether a process runs no more; one that nobody has waited for runs no more either."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def terminated(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(SECONDS)
