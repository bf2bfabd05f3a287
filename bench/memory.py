"""What a gate costs as its memory grows: real gates, real rclone, an S3 service in memory that counts.

`python -m bench.memory` measures 1,000, 10,000 and 100,000 files; `python -m bench.memory FILES …` others.
The service answers at once: add what a request to S3 takes to the times of uploads and downloads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

from bench.comparison import row
from bench.s3 import COUNTS, Service
from local.programs import catalog
from runtime.contracts.gate import GateConfig
from runtime.gate.application import Application
from runtime.gate.handover.coordinator import Coordinator
from runtime.gate.handover.parts import Parts
from runtime.gate.handover.roles import role_of
from runtime.gate.restore.startup import restore
from runtime.gate.snapshot.uploaders import Uploaders
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.stores import BucketStores
from runtime.metrics import Metrics

SIZES = (1_000, 10_000, 100_000)
ORDER = ("us-east-1", "eu-west-1")
BUCKETS = {region: f"bucket-{region}" for region in ORDER}
NAMESPACE = "acme"
TABLE = f"{NAMESPACE}/episodic/memories.lance"
CHANGES = 20
"""Additions that are uploaded one after another."""
OLD_SECONDS = 3600
HEADS = ("files", "what", "seconds", "CPU gate", "CPU rclone", "requests", "KB sent", "KB read")
WIDTHS = (8, 34, 9, 9, 11, 34, 10, 10)


def main(sizes: tuple[int, ...]) -> None:
    row(WIDTHS, *HEADS)
    for files in sizes:
        _measure(files)


def _measure(files: int) -> None:
    service = Service()
    try:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder, ORDER[0]), files)
            with _gate(ORDER[0], folder, service.url) as primary:
                for step in ("start", "first upload", "settle"):
                    primary(step, files)
                service.replicate(ORDER[0], BUCKETS)
                with _gate(ORDER[1], folder, service.url) as standby:
                    standby("first memory", files)
                    standby("settle", files)
                    service.replicate(ORDER[1], BUCKETS)
                    standby("idle", files)
                    primary("idle")
                    primary("idle", files)
                    for _ in range(CHANGES - 1):
                        primary("add")
                    primary("one addition", files)
                    service.replicate(ORDER[0], BUCKETS)
                    standby("one addition")
                    primary("add")
                    service.replicate(ORDER[0], BUCKETS)
                    standby("one addition", files)
                    standby("memory", files)
                primary("memory", files)
    finally:
        service.shutdown()
        service.server_close()


@contextmanager
def _gate(region: str, folder: str, url: str) -> Iterator[Callable[..., None]]:
    """A gate in a process of its own; call it with a step."""
    command = [sys.executable, "-m", "bench.memory", "gate", region, folder, url]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def step(name: str, files: int | None = None) -> None:
        stdin.write(f"{name}\n")
        stdin.flush()
        while not (line := stdout.readline()).startswith('{"figures"'):
            assert line, "the gate has ended"  # Other lines are its log.
        if files is not None:
            _show(files, region, name, json.loads(line)["figures"])

    try:
        yield step
    finally:
        stdin.close()
        process.wait()


def _show(files: int, region: str, name: str, figures: dict[str, Any]) -> None:
    if name == "settle":
        return
    role = "primary" if region == ORDER[0] else "standby"
    if name == "memory":
        row(WIDTHS, files, f"{role}: most memory, MiB", *("",) * 3, f"{figures['megabytes']:.0f}", "", "")
        return
    counts = figures["counts"]
    requests = ", ".join(
        f"{counts[each]} {each}" for each in ("list", "head", "get", "put") if counts.get(each)
    )
    times = (f"{figures[each]:.2f}" for each in ("seconds", "gate", "rclone"))
    size = (f"{counts.get(each, 0) / 1000:.1f}" for each in ("bytes_in", "bytes_out"))
    row(WIDTHS, files, f"{role}: {name}", *times, requests or "none", *size)


def write(root: Path, files: int) -> None:
    """A table to which memories were added: three files each, and nothing compacts them."""
    for number in range(files // 3 + 1):
        add(root, number)


def add(root: Path, number: int) -> None:
    for path in (f"data/{number}.lance", f"_transactions/{number}.txn", f"_versions/{number + 1}.manifest"):
        file = root / TABLE / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(f"{path} ".encode() * 20)


class MeasuredGate:
    """In this process; rclone in its children."""

    def __init__(self, region: str, folder: Path, url: str) -> None:
        self._url = url
        self.config = GateConfig(
            region=region,
            namespace=NAMESPACE,
            component="brain",
            order=ORDER,
            follows=tuple(other for other in ORDER if other != region),
            ranked=True,
            buckets=BUCKETS,
            endpoint=url,
        )
        self.root = folder / region
        self.root.mkdir(exist_ok=True)
        self._ahead = 0.0
        self._added = 10_000_000
        rclone = catalog.binary("rclone", lambda line: None)
        self._stores = BucketStores(rclone, lambda: self.config, threading.Event())

    def start(self) -> None:
        restore(Volume(self.root, "brain"), self.config, self._stores)
        volume = Volume(self.root, "brain")
        self.coordinator = Coordinator(
            Parts(
                volume=volume,
                config=lambda: self.config,
                stores=self._stores,
                uploaders=Uploaders(volume, self._stores),
                application=Application(()),
                record=lambda reason, message, warning=False: None,
                metrics=Metrics(),
                clock=time.time,
                monotonic=lambda: time.monotonic() + self._ahead,
            )
        )

    def interval(self) -> None:
        self._ahead += self.config.sync_interval
        role = role_of(self.config, ())
        self.coordinator.round(role, ())
        self.coordinator.upload(role)

    def step(self, name: str) -> None:
        if name in ("add", "one addition") and self.config.region == ORDER[0]:
            self._added += 1
            add(self.root, self._added)
        if name == "settle":
            for file in self.root.rglob("*"):
                if file.is_file() and ".gate" not in file.parts:
                    at = file.stat().st_mtime - OLD_SECONDS
                    os.utime(file, (at, at))
            for _ in range(3):
                self.interval()
        elif name in ("start", "first memory"):
            self.start()
        elif name != "memory":
            self.interval()

    def measured(self, name: str) -> dict[str, Any]:
        self._counts()
        before, began = self._cpu(), time.monotonic()
        self.step(name)
        seconds, after = time.monotonic() - began, self._cpu()
        peak = getrusage(RUSAGE_SELF).ru_maxrss / 1024
        return {
            "seconds": seconds,
            "gate": after[0] - before[0],
            "rclone": after[1] - before[1],
            "counts": self._counts(),
            "megabytes": peak,
        }

    def _counts(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self._url}{COUNTS}") as answer:
            counts: dict[str, int] = json.load(answer)
        return counts

    @staticmethod
    def _cpu() -> tuple[float, float]:
        own, children = getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)
        return own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime


def serve(region: str, folder: Path, url: str) -> None:
    """Carry out the steps on standard input; answer each with its figures."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "NO_PROXY": "127.0.0.1"}
    gate = MeasuredGate(region, folder, url)
    for line in sys.stdin:
        print(json.dumps({"figures": gate.measured(line.strip())}), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["gate"]:
        serve(sys.argv[2], Path(sys.argv[3]), sys.argv[4])
    else:
        main(tuple(int(files) for files in sys.argv[1:]) or SIZES)
