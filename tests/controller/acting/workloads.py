"""Pretended Agents, Brains and gates: HTTP servers on loopback addresses, each with a name as in a cluster.

Their ports are the real ones, so each has an address of its own in 127.0.0.0/8. The names stand in a file
that controllers read in place of asking the DNS.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

AGENT, BRAIN, GATE = 3000, 3002, 3010
PORTS = {"agent": AGENT, "brain": BRAIN}


@dataclass
class Workload:
    """The first pod of a company's Agent or Brain in a region."""

    kind: str
    region: str
    namespace: str
    address: str
    status: int = 200
    delay: float = 0.0
    """Seconds before it answers."""
    ready: int = 200
    """What its gate says of it."""
    heard: list[str] | None = None
    """The flags that its gate goes by; None: a gate that does not say."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    """What its gate reports."""
    asked: int = 0
    """Health requests that came."""
    servers: list[asyncio.Server] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, str]:
        """Of the headless service, and of the pod."""
        service = f"{self.kind}-{self.region}-headless.{self.namespace}.svc"
        return service, f"{self.kind}-{self.region}-0.{service}"


class Workloads:
    def __init__(self, folder: Path) -> None:
        self.hosts = folder / "hosts"
        self.hosts.touch()
        self._net = f"127.{random.randint(1, 250)}"
        self._all: dict[tuple[str, str, str], Workload] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def add(self, region: str, namespace: str) -> None:
        """An Agent and a Brain that answer."""
        for kind in PORTS:
            number = len(self._all) + 1
            workload = Workload(kind, region, namespace, f"{self._net}.{number // 250}.{1 + number % 250}")
            self._all[kind, region, namespace] = workload
            self._run(self._open(workload))
            with self.hosts.open("a") as file:
                file.write(f"{workload.address} {' '.join(workload.names)}\n")

    def of(self, region: str | None = None, namespace: str | None = None) -> list[Workload]:
        return [
            workload
            for workload in self._all.values()
            if region in (None, workload.region) and namespace in (None, workload.namespace)
        ]

    def down(self, region: str | None = None, namespace: str | None = None) -> None:
        """Nothing listens any more."""
        for workload in self.of(region, namespace):
            self._run(self._shut(workload))

    def up(self, region: str | None = None, namespace: str | None = None) -> None:
        for workload in self.of(region, namespace):
            self._run(self._open(workload))

    def close(self) -> None:
        self.down()
        self._run(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, job: Any) -> None:
        asyncio.run_coroutine_threadsafe(job, self._loop).result(60)

    async def _open(self, workload: Workload) -> None:
        if workload.servers:
            return

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            port = writer.get_extra_info("sockname")[1]
            with suppress(OSError, asyncio.IncompleteReadError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                await self._answer(workload, port, head.split()[1], writer)
            writer.close()

        for port in (PORTS[workload.kind], GATE):
            workload.servers.append(await asyncio.start_server(answer, workload.address, port))

    async def _shut(self, workload: Workload) -> None:
        for server in workload.servers:
            server.close()
        workload.servers.clear()

    async def _answer(self, workload: Workload, port: int, path: str, writer: asyncio.StreamWriter) -> None:
        status, body = workload.status, b"OK"
        if path.startswith("/events?after="):
            after = int(path.rpartition("=")[2])
            status, body = (
                200,
                json.dumps([step for step in workload.steps if step["sequence"] > after]).encode(),
            )
        elif path == "/ready":
            status = workload.ready
        elif port == GATE:
            body = json.dumps({} if workload.heard is None else {"heard": workload.heard}).encode()
        else:
            workload.asked += 1
            await asyncio.sleep(workload.delay)
        writer.write(b"HTTP/1.1 %d -\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
        await writer.drain()


async def _cancel_others() -> None:
    """Of those that wait for a request on a connection that stays open."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def pretended(folder: Path) -> Iterator[Workloads]:
    workloads = Workloads(folder)
    try:
        yield workloads
    finally:
        workloads.close()
