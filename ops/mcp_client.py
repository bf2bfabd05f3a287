"""MCP over HTTP as any client speaks it: one JSON-RPC request on `POST /messages`, no session before it.

The answer comes as JSON or as a body of server-sent events. Requests go straight to the address, past any
proxy, and have one deadline each: a server that goes on sending without ever answering does not outlast it.
"""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 30.0
_ACCEPT = "application/json, text/event-stream"
_EVENTS = "text/event-stream"
_LIMIT_BYTES = 64 << 20
_SHOWN = 240
"""Characters of an answer that an error quotes."""

_ids = itertools.count(1)


class McpError(Exception):
    """No answer, or one that is no good: the text says what was asked, where, and what came."""


def call(base_url: str, tool: str, arguments: Mapping[str, Any], timeout: float = TIMEOUT_SECONDS) -> str:
    """The text that a tool answers. Raises McpError, also for an answer that the tool marks as an error."""
    what = f"{tool} at {base_url}"
    told = {"name": tool, "arguments": dict(arguments)}
    return _text_of(request(base_url, "tools/call", told, timeout, what), what)


def request(
    base_url: str,
    method: str,
    parameters: Mapping[str, Any],
    timeout: float = TIMEOUT_SECONDS,
    what: str = "",
) -> Any:
    """The result of one JSON-RPC request, which errors call `what`. Raises McpError."""
    what, id = what or f"{method} at {base_url}", next(_ids)
    body = json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": dict(parameters)})
    with _Exchange(what, base_url, "POST", "/messages", timeout, body) as exchange:
        if exchange.status != http.client.OK:
            raise McpError(f"{what}: status {exchange.status}: {_shown(exchange.text())}")
        messages = _events(exchange) if exchange.content_type == _EVENTS else iter([exchange.text()])
        for message in messages:
            answer = _parsed(message, what)
            if answer.get("id") == id:
                return _result(answer, what)
    raise McpError(f"{what}: the answer ended without a response to the request")


def get(base_url: str, path: str, timeout: float = 5.0) -> tuple[int, str]:
    """Status and text of a page. Raises McpError."""
    with _Exchange(f"GET {base_url}{path}", base_url, "GET", path, timeout) as exchange:
        return exchange.status, exchange.text()


def health(base_url: str, timeout: float = 5.0) -> str:
    """What `GET /health` says, when its status is 200. Raises McpError."""
    status, text = get(base_url, "/health", timeout)
    if status != http.client.OK:
        raise McpError(f"GET {base_url}/health: status {status}: {_shown(text)}")
    return text


def _text_of(result: Any, what: str) -> str:
    """Raises McpError when the tool marks its result as an error."""
    content = result.get("content") if isinstance(result, dict) else None
    if not isinstance(content, list):
        raise McpError(f"{what}: the result has no content: {_shown(result)}")
    text = "\n".join(str(one.get("text", "")) for one in content if one.get("type") == "text")
    if result.get("isError"):
        raise McpError(f"{what}: the tool failed: {_shown(text)}")
    return text


def _result(answer: Mapping[str, Any], what: str) -> Any:
    if "error" in answer:
        error = answer["error"]
        told = error.get("message", error) if isinstance(error, dict) else error
        raise McpError(f"{what}: refused: {_shown(told)}")
    return answer.get("result")


def _parsed(message: str, what: str) -> Mapping[str, Any]:
    try:
        answer = json.loads(message)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise McpError(f"{what}: no JSON-RPC message: {_shown(message)}")
    return answer


def _events(exchange: _Exchange) -> Iterator[str]:
    """The data of each event (HTML standard, "Interpreting an event stream"); nothing else counts here."""
    data: list[str] = []
    for line in exchange.lines():
        if not line:
            if data:
                yield "\n".join(data)
            data = []
        elif line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
    if data:
        yield "\n".join(data)


class _Exchange:
    """One HTTP request and its answer, before a deadline. Raises McpError for whatever goes wrong."""

    def __init__(
        self, what: str, base_url: str, method: str, path: str, timeout: float, body: str | None = None
    ) -> None:
        self._what, self._timeout = what, timeout
        self._deadline = time.monotonic() + timeout
        address = urlsplit(base_url)
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(address.hostname or "", address.port, timeout=timeout)
        headers = {"Accept": _ACCEPT, "Connection": "close", "Content-Type": "application/json"}
        try:
            self._connection.connect()
            # An answer that closes the connection takes the socket out of it.
            self._socket: socket.socket = self._connection.sock
            self._connection.request(method, address.path.rstrip("/") + path, body, headers)
            self._answer = self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise self._failure(error) from error
        self.status = self._answer.status
        self.content_type = self._answer.getheader("Content-Type", "").partition(";")[0].strip().lower()

    def __enter__(self) -> _Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()
        self._connection.close()

    def text(self) -> str:
        return b"".join(self._chunks()).decode(errors="replace")

    def lines(self) -> Iterator[str]:
        """Without their ends."""
        rest = b""
        for chunk in self._chunks():
            *lines, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
            for line in lines:
                yield line.decode(errors="replace")
        if rest:
            yield rest.decode(errors="replace")

    def _chunks(self) -> Iterator[bytes]:
        received = 0
        while True:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise self._failure(TimeoutError())
            try:
                self._socket.settimeout(left)
                chunk = self._answer.read1(1 << 16)
            except (OSError, http.client.HTTPException) as error:
                raise self._failure(error) from error
            received += len(chunk)
            if received > _LIMIT_BYTES:
                raise McpError(f"{self._what}: the answer is longer than {_LIMIT_BYTES} bytes")
            if not chunk:
                return
            yield chunk

    def _failure(self, error: Exception) -> McpError:
        if isinstance(error, TimeoutError):
            return McpError(f"{self._what}: no answer in {self._timeout:g} s")
        if isinstance(error, ConnectionRefusedError):
            return McpError(f"{self._what}: nothing listens there (connection refused)")
        if isinstance(error, (http.client.RemoteDisconnected, ConnectionResetError)):
            return McpError(f"{self._what}: the connection was closed without an answer")
        return McpError(f"{self._what}: {error!r}")


def _shown(value: Any) -> str:
    text = " ".join((value if isinstance(value, str) else json.dumps(value)).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]} … {text[-_SHOWN // 2 :]}"
