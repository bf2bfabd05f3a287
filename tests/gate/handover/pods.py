"""A pod's processes: a Brain that is a real one, and a kubelet that starts it again whenever it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.services import until


class Processes:
    """What a pod's shared process namespace shows of `/proc`: its own processes alone, not all of this
    machine's.

    Tests that run beside have Brains of their own.
    """

    def __init__(self, folder: Path) -> None:
        self.proc = folder
        folder.mkdir(parents=True)
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, container: str, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            argv,
            env={**os.environ, "AGENCY_CONTAINER": container},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        (self.proc / str(process.pid)).symlink_to(f"/proc/{process.pid}")
        self._started.append(process)
        return process

    def end(self) -> None:
        for process in self._started:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()


BACK_OFF_SECONDS = 0.02
LONGEST_BACK_OFF_SECONDS = 5.0


class Kubelet:
    """Keeps one container running, and backs off as the kubelet does, which doubles its wait from 10 s to
    five minutes; here five hundred times as fast."""

    def __init__(self, processes: Processes, container: str, argv: Sequence[str]) -> None:
        self._processes = processes
        self._container = container
        self._argv = argv
        self._ending = threading.Event()
        self.starts = 0
        self.process = self._start()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        return self._processes.start(self._container, self._argv)

    def _keep(self) -> None:
        back_off = BACK_OFF_SECONDS
        while True:
            self.process.wait()
            if self._ending.wait(back_off):
                return
            self.process = self._start()
            back_off = min(2 * back_off, LONGEST_BACK_OFF_SECONDS)

    def end(self) -> None:
        self._ending.set()
        while self._thread.is_alive():
            self.process.terminate()
            self._thread.join(0.05)


@contextmanager
def pod(folder: Path) -> Iterator[Processes]:
    processes = Processes(folder)
    try:
        yield processes
    finally:
        processes.end()


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


IGNORES = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""


def started(
    processes: Processes, folder: Path, container: str, program: str = IGNORES
) -> subprocess.Popen[bytes]:
    """A process that says in a file that it runs."""
    said = folder / f"{container}-{len(list(folder.iterdir()))}"
    process = processes.start(container, python(program, str(said)))
    until(said.exists, "the process runs")
    return process
