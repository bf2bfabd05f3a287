"""The cluster's API with the pod's service account, for programs that wait for many things at once."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from local.edge.http1 import BadMessage, Response, head
from local.edge.wire import Wire, connect
from runtime.controller.kubernetes import Access

Object = dict[str, Any]

AGENT = "digital-agency-edge"
CONNECT_SECONDS = 2.0
CALL_SECONDS = 10.0
SILENCE_SECONDS = 150.0
"""Of a watch: the API server sends a bookmark each minute."""


class ApiError(Exception):
    """The API server refused, or answered with what is no answer; the message says which."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    def __init__(self, access: Access) -> None:
        self._access = access
        self._url = urlsplit(access.url)

    async def call(
        self, method: str, path: str, body: Object | None = None, content: str = "application/json"
    ) -> Object:
        """One request; its answer. Raises ApiError, or OSError when the API is away."""
        async with asyncio.timeout(CALL_SECONDS), self._asked(method, path, body, content) as pieces:
            return _object(b"".join([piece async for piece in pieces]))

    async def watch(self, path: str) -> AsyncGenerator[Object, None]:
        """Events, until the API server ends the answer. Raises as `call` does."""
        async with self._asked("GET", path) as pieces:
            line = b""
            async for piece in pieces:
                *lines, line = (line + piece).split(b"\n")
                for one in lines:
                    yield _object(one)

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, body: Object | None = None, content: str = "application/json"
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of the answer, which is no refusal."""
        wire = await self._connect()
        try:
            await wire.send(self._request(method, path, body, content))
            async with asyncio.timeout(CALL_SECONDS):
                raw = await wire.head()
            if raw is None:
                raise ConnectionResetError("the API server closed the connection")
            response = Response.parse(raw)
            pieces = wire.body(response.length(method))
            if response.status != HTTPStatus.OK:
                text = b"".join([piece async for piece in pieces])
                raise ApiError(response.status, _message(text))
            yield pieces
        except BadMessage as error:
            raise ApiError(0, f"no HTTP answer: {error}") from error
        finally:
            wire.abort()

    async def _connect(self) -> Wire:
        """A connection for each request: they are few, and a kept one may be dead."""
        secure = self._url.scheme == "https"
        wire = await connect(
            self._url.hostname or "",
            self._url.port or (443 if secure else 80),
            within=CONNECT_SECONDS,
            idle=SILENCE_SECONDS,
            trust=self._trust() if secure else None,
        )
        wire.ask_whether_alive()
        return wire

    def _trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self._access.authority))
        # As in `runtime/controller/kubernetes.py`: not every authority has what Python 3.13 asks for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    def _request(self, method: str, path: str, body: Object | None, content: str) -> bytes:
        data = b"" if body is None else json.dumps(body).encode()
        headers = {
            "Host": self._url.netloc,
            # Read each time: the kubelet renews the token in its file.
            "Authorization": f"Bearer {self._access.token.read_text().strip()}",
            "Accept": "application/json",
            "User-Agent": AGENT,
            "Connection": "close",
            "Content-Type": content,
            "Content-Length": str(len(data)),
        }
        return head(f"{method} {path} HTTP/1.1", headers.items()) + data


def _object(text: bytes) -> Object:
    try:
        found: Object = json.loads(text)
    except ValueError as error:
        raise ApiError(0, f"an answer that is no JSON: {error}") from error
    return found


def _message(text: bytes) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:200].decode(errors="replace")
