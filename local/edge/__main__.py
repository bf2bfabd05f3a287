"""`python -m local.edge`: the edge of one region, on one node."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import NoReturn

from local.edge.api import Api
from local.edge.objects import REGION_LABEL
from local.edge.proxy import Proxy
from local.edge.statuses import write
from local.edge.table import Table
from local.edge.watching import follow
from runtime.controller.kubernetes import Access
from runtime.http_server import Response, serve
from runtime.logs import log

INGRESSES = "/apis/networking.k8s.io/v1/ingresses"
SERVICES = "/api/v1/services"
SLICES = "/apis/discovery.k8s.io/v1/endpointslices"
BEAT_SECONDS, STUCK_SECONDS = 1.0, 30.0


@dataclass
class Pages:
    """What the kubelet asks, answered by a thread of its own."""

    beat: float
    """When the loop last had time, by the monotonic clock."""
    serving: bool = False

    def __call__(self, target: str) -> Response:
        if target == "/live":
            alive = time.monotonic() - self.beat < STUCK_SECONDS
            return _page(alive, "alive", "the loop stands still")
        if target == "/ready":
            return _page(self.serving, "ready", "not everything is listed yet")
        return Response(HTTPStatus.NOT_FOUND, "there is no such page here\n")

    async def live(self) -> NoReturn:
        while True:
            self.beat = time.monotonic()
            await asyncio.sleep(BEAT_SECONDS)


def _page(well: bool, yes: str, no: str) -> Response:
    return (
        Response(HTTPStatus.OK, f"{yes}\n") if well else Response(HTTPStatus.SERVICE_UNAVAILABLE, f"{no}\n")
    )


async def run(variables: Mapping[str, str]) -> None:
    """Until SIGTERM. Raises KeyError naming a variable that is missing."""
    region, address = variables["REGION"], variables["NODE_IP"]
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    api, table, pages = Api(Access.from_environment(variables)), Table(), Pages(time.monotonic())
    inside = serve(int(variables["EDGE_INSIDE_PORT"]), pages, address)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(one)
            for one in (
                follow(api, INGRESSES, table.ingresses, f"{REGION_LABEL}={region}"),
                follow(api, SERVICES, table.services),
                follow(api, SLICES, table.slices),
                write(api, table.ingresses, address),
                _answer(table, region, pages, address, int(variables["EDGE_PORT"])),
                pages.live(),
            )
        ]
        await stopping.wait()
        for task in tasks:
            task.cancel()
    inside.close()
    log("stopped")


async def _answer(table: Table, region: str, pages: Pages, address: str, port: int) -> NoReturn:
    """From when everything was seen once: an edge that knows half of it would answer wrongly."""
    await table.complete.wait()
    proxy = Proxy(table, region)
    log("serving", region=region, address=address, port=await proxy.open(address, port))
    pages.serving = True
    try:
        while True:
            await asyncio.Event().wait()
    finally:
        await proxy.close()


if __name__ == "__main__":
    asyncio.run(run(os.environ))
