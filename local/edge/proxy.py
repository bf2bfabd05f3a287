"""The server that clients reach: their connections, request after request."""

from __future__ import annotations

import asyncio
import traceback
from http import HTTPStatus

from local.edge.exchange import Exchange, Failure, Limits
from local.edge.http1 import BadMessage, Request
from local.edge.table import Table
from local.edge.wire import Reader, Wire
from runtime.logs import log

BACKLOG = 256


class Proxy:
    def __init__(self, table: Table, region: str, limits: Limits | None = None) -> None:
        self._table, self._region, self._limits = table, region, limits or Limits()
        self._clients: dict[Wire, asyncio.Task[None] | None] = {}
        self._idle = set[Wire]()
        self._stopping = False
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Answer from now on; the port (0 asks for any). Raises OSError when it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, host, port, backlog=BACKLOG)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Take no more requests, and let those that are under way end, for a moment."""
        self._stopping = True
        if self._server is not None:
            self._server.close()
        for client in self._idle:
            client.abort()
        serving = [task for task in self._clients.values() if task]
        if serving:
            await asyncio.wait(serving, timeout=self._limits.stop_seconds)
        for task in serving:
            task.cancel()

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        reader = Reader()
        # The callback gets the reader again, as its base class.
        return asyncio.StreamReaderProtocol(reader, lambda _, writer: self._serve(reader, writer))

    async def _serve(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        client = Wire(reader, writer, self._limits.idle_seconds)
        try:
            if len(self._clients) >= self._limits.connections:
                text = f"{self._region}: over {self._limits.connections} connections"
                await Failure(HTTPStatus.SERVICE_UNAVAILABLE, text).tell(client, "", keep=False)
                return
            self._clients[client] = asyncio.current_task()
            while await self._one(client) and not self._stopping:
                pass
            await client.close()
        except (OSError, asyncio.CancelledError):
            pass  # The client went away, or its answer broke off; or the proxy stops.
        except Exception:
            log("http-error", level="error", client=client.peer, error=traceback.format_exc())
        finally:
            self._clients.pop(client, None)
            client.abort()

    async def _one(self, client: Wire) -> bool:
        """Whether there may be another."""
        try:
            raw = await self._asked(client)
            if raw is None:
                return False
            request = Request.parse(raw)
        except BadMessage as error:
            await Failure(error.status, str(error)).tell(client, "", keep=False)
            return False
        exchange = Exchange(
            client=client, request=request, table=self._table, region=self._region, limits=self._limits
        )
        return await exchange.run(keep=not self._stopping)

    async def _asked(self, client: Wire) -> bytes | None:
        self._idle.add(client)
        try:
            async with asyncio.timeout(self._limits.idle_seconds):
                return await client.head()
        finally:
            self._idle.discard(client)
