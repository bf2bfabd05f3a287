"""Regions with the real rclone against the test S3, each with its own sidecar's role; Brains with real
tables."""

from __future__ import annotations

import json
import shlex
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import lancedb

from runtime.gate.application import Application
from runtime.gate.storage.bucket import Store
from tests.gate.handover.gates import COMPANY, Clock, Gate
from tests.gate.handover.pods import Kubelet, Processes
from tests.s3 import S3Service
from tests.services import until

TABLES = f"{COMPANY}/episodic"
TABLE_NAME = "episodic_memories"
BRAIN = Path(__file__).with_name("brain_process.py")


class S3Buckets:
    """The test S3's, by rclone, with the role of each region's own pod."""

    def __init__(self, s3: S3Service, rclone: Path, folder: Path, namespace: str = COMPANY) -> None:
        self._s3 = s3
        self._rclone = rclone
        self._folder = folder
        self._namespace = namespace
        self.interrupts: dict[str, threading.Event] = {}

    def use(self, now: Callable[[], float], region: str, skew: float) -> None:
        self._s3.clock.now = now

    def of(self, region: str, holder: str, prefix: str, timeout: float | None = None) -> Store:
        return Store(
            self._rclone_of(region),
            region=holder,
            bucket=self._s3.buckets[holder],
            prefix=prefix,
            interrupt=self.interrupts.setdefault(region, threading.Event()),
            endpoint=self._s3.url,
            timeout=120.0 if timeout is None else max(timeout, 30.0),
        )

    def _rclone_of(self, region: str) -> Path:
        """All regions' gates are in this process, which has one environment; their credentials differ."""
        credentials = self._s3.credentials(self._s3.sidecar(region, self._namespace))
        variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in credentials.items())
        script = self._folder / f"rclone-{region}"
        if not script.exists():
            script.write_text(f'#!/bin/sh\nexec env {variables} {self._rclone} "$@"\n')
            script.chmod(0o755)
        return script


class Pod:
    """A region's gate, and its Brain, which the kubelet starts again whenever it ends."""

    def __init__(
        self, name: str, folder: Path, buckets: S3Buckets, clock: Clock, order: tuple[str, ...]
    ) -> None:
        self.processes = Processes(folder / "proc")
        self._socket = folder / "socket"
        application = Application(("brain",), self.processes.proc)
        self.gate = Gate(name, folder / "volume", buckets, clock, order, application=application)
        argv = [sys.executable, str(BRAIN), str(self.gate.root), str(self._socket)]
        self.kubelet = Kubelet(self.processes, "brain", argv)

    def store(self, row: str) -> None:
        """A client's call; it tries again while the Brain is being started."""
        until(lambda: self._ask(row) == "stored", f"the Brain stores {row}")

    def _ask(self, row: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(60)
                connection.connect(str(self._socket))
                connection.sendall(f"{row}\n".encode())
                return connection.makefile().readline().strip()
        except OSError:
            return ""

    def end(self) -> None:
        self.kubelet.end()
        self.processes.end()


def rows_in(volume: Path) -> set[str]:
    """Of a memory as the application reads it: the rows that both its table and its graph have."""
    if not (volume / TABLES).exists():
        return set()
    table = lancedb.connect(volume / TABLES).open_table(TABLE_NAME)
    rows = set(table.to_arrow().column("id").to_pylist())
    return rows & set(json.loads((volume / COMPANY / "graph.json").read_text()))
