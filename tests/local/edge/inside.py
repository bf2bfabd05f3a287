"""A proxy in this process, with a table that the test fills."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from local.edge.exchange import Limits
from local.edge.proxy import Proxy
from local.edge.table import Known, Table
from tests.local.edge.backends import WAIT_SECONDS, Backend
from tests.local.edge.objects import US, Object, endpoint_slice, ingress

T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(WAIT_SECONDS)

    def do(self, act: Callable[[], T]) -> T:
        async def acting() -> T:
            return act()

        return self.run(acting())

    def close(self) -> None:
        async def end() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class Edge:
    def __init__(self, limits: Limits | None) -> None:
        self.loop = Loop()
        self.table = self.loop.do(Table)
        self.proxy = Proxy(self.table, US, limits)
        self.port = self.loop.run(self.proxy.open("127.0.0.1", 0))

    def put(self, *objects: Object) -> None:
        known: dict[str, Known[Any]] = {
            "Ingress": self.table.ingresses,
            "Service": self.table.services,
            "EndpointSlice": self.table.slices,
        }
        for one in objects:
            self.loop.do(partial(known[one["kind"]].put, one))

    def route(self, *backends: Backend | tuple[str, int]) -> None:
        """All of `acme.test` to these."""
        self.put(ingress("agent"))
        for number, one in enumerate(backends):
            self.put(endpoint_slice("agent", one, name=f"agent-{number}"))

    def close(self) -> None:
        self.loop.run(self.proxy.close())


@contextmanager
def edge(limits: Limits | None = None) -> Iterator[Edge]:
    found = Edge(limits)
    try:
        yield found
    finally:
        found.close()
        found.loop.close()
