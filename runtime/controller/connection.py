"""One HTTP(S) connection that stays open between requests."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

LARGEST_ANSWER = 16 * 2**20
"""Bytes; a longer answer is an error."""


class NoAnswer(Exception):
    """No connection, or no valid HTTP response; the message has the reason."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: bytes
    retry_after: str | None


class Connection:
    """To one origin, `scheme://host[:port]`. Not for several threads at once.

    `trust` is asked for the TLS context whenever a connection is opened: a renewed authority is taken then.
    `timeout` limits each wait for bytes, `deadline` a whole request; both in seconds. A body of more than
    `largest` bytes is an error.
    """

    def __init__(
        self,
        origin: str,
        timeout: float,
        trust: Callable[[], ssl.SSLContext],
        *,
        largest: int = LARGEST_ANSWER,
        deadline: float | None = None,
    ) -> None:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{origin!r} is not a URL: must be http://… or https://…")
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._timeout, self._trust = timeout, trust
        self._largest, self._deadline = largest, deadline
        self._open: http.client.HTTPConnection | None = None

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request that may be sent twice. Raises NoAnswer.

        The other side may close an open connection at any time: a request that fails on one that was used
        before is sent again on a new one.
        """
        if self._open is not None:
            with suppress(NoAnswer):
                return self._request(self._open, method, path, body, headers)
        self._open = self._connection()
        return self._request(self._open, method, path, body, headers)

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _connection(self) -> http.client.HTTPConnection:
        if not self._secure:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            context = self._trust()
        except OSError as error:  # SSLError is one
            raise NoAnswer(f"no authority to trust: {error}") from error
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)

    def _request(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        try:
            with _abort_after(self._deadline, connection):
                connection.request(method, path, body, dict(headers or {}))
                response = connection.getresponse()
                content = response.read(self._largest)
            if not response.isclosed():
                raise http.client.HTTPException(f"an answer of over {self._largest} bytes")
            return Answer(status=response.status, body=content, retry_after=response.getheader("Retry-After"))
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswer(f"{type(error).__name__}: {error}") from error


@contextmanager
def _abort_after(seconds: float | None, connection: http.client.HTTPConnection) -> Iterator[None]:
    """End a request whose answer drips. Raises TimeoutError then."""
    if seconds is None:
        yield
        return
    over = threading.Event()

    def abort() -> None:
        over.set()
        with suppress(OSError, AttributeError):  # not connected, or closed meanwhile
            connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, abort)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if over.is_set():
            raise TimeoutError(f"no whole answer within {seconds:g} s")
