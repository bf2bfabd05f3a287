"""What stands in for a pod's application."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from runtime import http_server
from runtime.http_server import Response
from tests.services import until


class Health:
    """The application's `/health`, as the test wants it."""

    def __init__(self) -> None:
        self.asked = 0
        self._failures = 0
        self._hung = threading.Event()
        self._hung.set()
        self._port = 0
        self._server: http_server.Server | None = None
        self.start()
        self.url = f"http://127.0.0.1:{self._port}/health"

    def fail(self, times: int) -> None:
        """Answer so many questions with 500."""
        self._failures = times

    def hang(self) -> None:
        """Accept questions and never answer, until `go_on`."""
        self._hung.clear()

    def go_on(self) -> None:
        self._hung.set()

    def stop(self) -> None:
        if self._server is not None:
            self._hung.set()
            self._server.close()
            self._server = None

    def start(self) -> None:
        self._server = http_server.serve(self._port, self._answer, host="127.0.0.1")
        self._port = self._server.port

    def _answer(self, target: str) -> Response:
        self._hung.wait()
        self.asked += 1
        if self._failures:
            self._failures -= 1
            return Response(500, "failing\n")
        return Response(200 if target == "/health" else 404, "OK")


_WRITER = """
import itertools, os, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
stopping = []
signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
for number in itertools.count():
    (folder / "count").write_text(str(number))
    (folder / f"file-{number % 20}").write_text(str(number))
    if stopping:
        break
    time.sleep(0.02)
pathlib.Path(sys.argv[2]).touch()
while not pathlib.Path(sys.argv[3]).exists():
    time.sleep(0.02)
(folder / "last-words").write_text("these must not be lost")
"""


class Writer:
    """A process of one of the containers. It writes on the volume; last, on SIGTERM and when allowed to."""

    def __init__(self, folder: Path, scratch: Path, container: str = "brain") -> None:
        self._log = scratch / "told"
        self._allowed = scratch / "allowed"
        folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(folder), str(self._log), str(self._allowed)],
            env={**os.environ, "AGENCY_CONTAINER": container},
        )
        until((folder / "count").exists, "the writer writes")

    def terminate(self) -> None:
        """Tell it to stop, and return when it knows."""
        self._process.terminate()
        until(self._log.exists, "the writer knows that it is to stop")

    def allow(self) -> None:
        """Let it write once more, as soon as it gets SIGTERM."""
        self._allowed.touch()

    def end(self) -> None:
        self.allow()
        self._process.wait()

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
