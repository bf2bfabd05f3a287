"""One request of a client: to an endpoint, and the answer back as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPMethod, HTTPStatus

from local.edge import http1
from local.edge.http1 import BadMessage, Framing, Request, Response
from local.edge.objects import Backend
from local.edge.table import Table
from local.edge.wire import Wire, connect
from runtime.logs import log

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
MADE_ANEW = ("host", "content-length", "expect", "x-forwarded-for", "x-forwarded-proto")


@dataclass(frozen=True, kw_only=True)
class Limits:
    connect_seconds: float = 5.0
    idle_seconds: float = 60.0
    """Without a byte, from either side. Source: the default of ALBs and of ingress-nginx."""
    connections: int = 400
    """Of clients. Each may take one to an endpoint; a process often may have 1024 in all."""
    stop_seconds: float = 5.0
    """For answers that are under way when the proxy is to stop."""


class Failure(Exception):
    """What the client gets instead of an endpoint's answer."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status

    async def tell(self, client: Wire, method: str, *, keep: bool) -> None:
        text = f"{self}\n".encode()
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": str(len(text)),
            "Cache-Control": "no-store",
            "Connection": "keep-alive" if keep else "close",
        }
        head = http1.head(f"HTTP/1.1 {self.status:d} {self.status.phrase}", headers.items())
        await client.send(head if method == HTTPMethod.HEAD else head + text)


@dataclass(kw_only=True)
class Exchange:
    """Endpoints get a connection for each request: a kept one that an endpoint closes just then would cost a
    request that must not be sent twice.
    """

    client: Wire
    request: Request
    table: Table
    region: str
    limits: Limits
    _all_sent: bool = field(init=False)
    """The request's body, if any."""
    _sending: bool = field(init=False, default=True)
    _fault: Failure | None = field(init=False, default=None)
    """Of the client, in sending its body."""
    _waiting: asyncio.Timeout | None = field(init=False, default=None)
    _where: str = field(init=False)
    """Region and backend, for messages."""

    async def run(self, *, keep: bool) -> bool:
        """Whether the client's connection may take another request; only if `keep`.

        Raises OSError when the connection is of no more use; the client must not take what it got for whole.
        """
        self._all_sent = self.request.length == 0
        keep = keep and self.request.keeps_connection
        try:
            return await self._relay(await self._connected(self._backend()), keep=keep)
        except Failure as failure:
            if failure.status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT):
                log("no-answer", level="warning", host=self.request.host, error=str(failure))
            keep = keep and self._all_sent
            await failure.tell(self.client, self.request.method, keep=keep)
            return keep

    def _backend(self) -> Backend:
        backend = self.table.find(self.request.host, self.request.target)
        if backend is None:
            asked = f"host {self.request.host!r} and path {self.request.target.partition('?')[0]!r}"
            raise Failure(HTTPStatus.NOT_FOUND, f"{self.region}: no Ingress for {asked}")
        return backend

    async def _connected(self, backend: Backend) -> Wire:
        """To the first ready endpoint that takes a connection."""
        where = self._where = f"{self.region}: {backend}"
        failure = Failure(HTTPStatus.SERVICE_UNAVAILABLE, f"{where} has no ready endpoint")
        for host, port in self.table.endpoints(backend):
            limits = self.limits
            try:
                return await connect(host, port, within=limits.connect_seconds, idle=limits.idle_seconds)
            except TimeoutError:
                failure = Failure(HTTPStatus.GATEWAY_TIMEOUT, f"{where} takes no connection in time")
            except OSError as error:
                failure = Failure(HTTPStatus.BAD_GATEWAY, f"{where} takes no connection: {error.strerror}")
        raise failure

    async def _relay(self, upstream: Wire, *, keep: bool) -> bool:
        # An endpoint must not go on working for a client that is gone.
        self.client.reader.on_end = upstream.abort
        sending = asyncio.create_task(self._send(upstream))
        try:
            response = await self._response(upstream)
            return await self._pass_back(upstream, response, keep=keep)
        finally:
            self.client.reader.on_end = None
            upstream.abort()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    # To the endpoint.

    async def _send(self, upstream: Wire) -> None:
        chunked = self.request.length is Framing.CHUNKED
        try:
            if not await self._sent(upstream, self._head()):
                return
            if self.request.expects_continue:
                await self.client.send(CONTINUE)
            async for piece in self.client.body(self.request.length):
                if not await self._sent(upstream, http1.chunk(piece) if chunked else piece):
                    return
            self._all_sent = not chunked or await self._sent(upstream, http1.LAST_CHUNK)
        except (OSError, BadMessage) as error:
            self._fault = _fault(error)
            upstream.abort()
        finally:
            self._sending = False
            if self._waiting is not None:
                self._waiting.reschedule(asyncio.get_running_loop().time() + self.limits.idle_seconds)

    async def _sent(self, upstream: Wire, data: bytes) -> bool:
        """False when the endpoint takes no more: perhaps it has answered already."""
        try:
            await upstream.send(data)
        except OSError:
            return False
        return True

    def _head(self) -> bytes:
        request = self.request
        return http1.head(f"{request.method} {request.target} HTTP/1.1", self._headers())

    def _headers(self) -> Iterator[tuple[str, str]]:
        headers, length = self.request.headers, self.request.length
        yield "Host", self.request.host
        yield from http1.passed_on(headers, *MADE_ANEW)
        yield "X-Forwarded-For", ", ".join([*http1.values(headers, "x-forwarded-for"), self.client.peer])
        yield "X-Forwarded-Proto", "http"
        if length is Framing.CHUNKED:
            yield "Transfer-Encoding", "chunked"
        elif http1.values(headers, "content-length"):
            yield "Content-Length", str(length)
        yield "Connection", "close"

    # Back to the client.

    async def _response(self, upstream: Wire) -> Response:
        """The head of the answer, once it is final. Its time begins when the request is sent."""
        try:
            async with asyncio.timeout(None if self._sending else self.limits.idle_seconds) as self._waiting:
                while (raw := await upstream.head()) is not None:
                    response = Response.parse(raw)
                    if response.status >= HTTPStatus.OK:
                        return response
            raise ConnectionResetError("it closed the connection")
        except TimeoutError:
            text = f"{self._where} gave no answer in {self.limits.idle_seconds:g} s"
            raise Failure(HTTPStatus.GATEWAY_TIMEOUT, text) from None
        except (OSError, BadMessage) as error:
            if self.client.reader.ended:
                raise ConnectionAbortedError("the client is gone") from error
            text = f"{self._where} gave no answer: {error}"
            raise self._fault or Failure(HTTPStatus.BAD_GATEWAY, text) from None
        finally:
            self._waiting = None

    async def _pass_back(self, upstream: Wire, response: Response, *, keep: bool) -> bool:
        length = response.length(self.request.method)
        chunked = isinstance(length, Framing) and self.request.modern
        keep = keep and self._all_sent
        headers = [*http1.passed_on(response.headers, "content-length")]
        if isinstance(response.declared, int):
            headers.append(("Content-Length", str(response.declared)))
        if chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        headers.append(("Connection", "keep-alive" if keep else "close"))
        await self.client.send(http1.head(f"HTTP/1.1 {response.status} {response.reason}", headers))
        try:
            async for piece in upstream.body(length):
                await self.client.send(http1.chunk(piece) if chunked else piece)
        except (OSError, BadMessage) as error:
            if not self.client.reader.ended:
                log("broke-off", level="warning", where=self._where, error=str(error))
            raise ConnectionResetError("the answer broke off") from error
        if chunked:
            await self.client.send(http1.LAST_CHUNK)
        return keep


def _fault(error: OSError | BadMessage) -> Failure:
    if isinstance(error, BadMessage):
        return Failure(error.status, str(error))
    if isinstance(error, TimeoutError):
        return Failure(HTTPStatus.REQUEST_TIMEOUT, "the request's body did not come in time")
    return Failure(HTTPStatus.BAD_REQUEST, "the request's body broke off")
