"""The application's processes in this pod's shared process namespace, found by their container's name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CONTAINER = "AGENCY_CONTAINER"
"""The environment variable that carries the container's name into each of its processes."""
CONTAINERS = {"brain": ("brain",), "agent": ("agent", "health-monitor")}
"""The containers that write to a component's volume."""
GRACE_SECONDS = 10.0
KILLED_SECONDS = 20.0
POLL_SECONDS = 0.05
PROC = Path("/proc")


class StillRunning(OSError):
    """A process did not end, not even when killed: its files must not be moved."""


@dataclass(frozen=True, kw_only=True)
class Process:
    pid: int
    started: int
    """In clock ticks since the boot: it distinguishes a reused pid."""


class Application:
    """The processes of some containers of this pod."""

    def __init__(self, containers: Collection[str], proc: Path = PROC, grace: float = GRACE_SECONDS) -> None:
        """`grace`: seconds between SIGTERM and SIGKILL."""
        self._variables = {f"{CONTAINER}={name}".encode() for name in containers}
        self._proc = proc
        self._grace = grace

    def running(self) -> frozenset[Process]:
        """Without zombies."""
        return frozenset(
            process
            for entry in self._proc.iterdir()
            if entry.name.isdigit() and (process := self._ours(entry)) is not None
        )

    def stop(self) -> frozenset[Process]:
        """End the processes that run now: SIGTERM, after the grace SIGKILL. Returns them, without those that
        start meanwhile. Raises StillRunning when one survives."""
        stopped = self.running()
        self._signal(stopped, signal.SIGTERM)
        if not self._ended(stopped, self._grace):
            self._signal(stopped & self.running(), signal.SIGKILL)
            if not self._ended(stopped, KILLED_SECONDS):
                left = sorted(process.pid for process in stopped & self.running())
                raise StillRunning(f"processes {left} of the application did not end when they were killed")
        return stopped

    def _ours(self, entry: Path) -> Process | None:
        try:
            environment = (entry / "environ").read_bytes()
            if not self._variables & set(environment.split(b"\0")) or int(entry.name) == os.getpid():
                return None
            # After the name, which is in brackets and may contain anything: the state; 19 fields later the
            # start.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None  # It has ended, or belongs to another user and so not to the application.
        return None if fields[0] in "ZX" else Process(pid=int(entry.name), started=int(fields[19]))

    def _signal(self, processes: Collection[Process], number: signal.Signals) -> None:
        for process in processes:
            with suppress(ProcessLookupError):
                handle = os.pidfd_open(process.pid)
                try:
                    if self._ours(self._proc / str(process.pid)) == process:
                        signal.pidfd_send_signal(handle, number)
                finally:
                    os.close(handle)

    def _ended(self, processes: frozenset[Process], limit: float) -> bool:
        """Whether all end within `limit` seconds."""
        deadline = time.monotonic() + limit
        while processes & self.running():
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True
