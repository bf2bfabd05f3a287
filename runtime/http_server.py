"""A small HTTP server: GET only; nothing that a client sends, or does not send, can hold it up or grow it.

One thread reads all requests: a connection that sends nothing costs a socket and no thread. A request that
has come whole is answered by a thread of its own. Not `http.server`: that gives each connection a thread,
bounds neither the time nor the headers of a request, and takes 8 MB.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from runtime.logs import log

REQUEST_BYTES = 8192
"""Request line and headers."""
REQUEST_SECONDS = 5.0
"""For the whole request to come, and again for the answer to be taken."""
MOST_AT_ONCE = 64
"""Requests that are being answered."""
MOST_OPEN = 1024
"""Connections whose request has not come yet; for a further one the oldest is closed."""
MOST_OPEN_OF_ONE = 256
"""The same for the connections of one address: a client that opens ever more closes only its own."""
_BACKLOG = 128
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)


@dataclass(frozen=True)
class Response:
    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Request:
    target: str
    """Path, and query if any."""
    authorization: str = ""
    """The header's value."""


Answer = Callable[[Request], Response]
Routes = Callable[[str], Response]
"""From a request's target to the answer."""


@dataclass
class _Waiting:
    """A connection whose request has not come whole yet."""

    address: str
    deadline: float
    head: bytes = field(default=b"")


class Server:
    """A server that answers until it is closed."""

    def __init__(self, listener: socket.socket, answer: Answer) -> None:
        self._listener, self._answer = listener, answer
        self._waiting = OrderedDict[socket.socket, _Waiting]()
        """In the order of their deadlines."""
        self._selector = selectors.DefaultSelector()
        self._closing, self._close = os.pipe()
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._closing, selectors.EVENT_READ)
        self._answering = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="http")
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        os.close(self._close)
        self._thread.join()
        self._answering.shutdown()
        os.close(self._closing)

    def _run(self) -> None:
        with self._selector, self._listener:
            while True:
                ready = [key.fileobj for key, _ in self._selector.select(self._seconds_left())]
                if self._closing in ready:
                    break
                for connection in ready:
                    try:
                        self._accept() if connection is self._listener else self._receive(connection)
                    except OSError:
                        log("http-error", level="warning", error=traceback.format_exc(limit=-1))
                while self._waiting and self._seconds_left() == 0:
                    self._drop(next(iter(self._waiting)))
            while self._waiting:
                self._drop(next(iter(self._waiting)))

    def _seconds_left(self) -> float | None:
        """Seconds until the next deadline."""
        first = next(iter(self._waiting.values()), None)
        return None if first is None else max(0.0, first.deadline - time.monotonic())

    def _accept(self) -> None:
        try:
            connection, (address, *_) = self._listener.accept()
        except OSError as error:
            if error.errno not in _NO_DESCRIPTOR or not self._waiting:
                raise
            # The next turn accepts it, in the place of the connection that has waited longest.
            self._drop(next(iter(self._waiting)))
            return
        connection.setblocking(False)
        of_one = [each for each, waiting in self._waiting.items() if waiting.address == address]
        if len(of_one) >= MOST_OPEN_OF_ONE:
            self._drop(of_one[0])
        elif len(self._waiting) >= MOST_OPEN:
            self._drop(next(iter(self._waiting)))
        self._waiting[connection] = _Waiting(address, time.monotonic() + REQUEST_SECONDS)
        self._selector.register(connection, selectors.EVENT_READ)

    def _receive(self, connection: object) -> None:
        assert isinstance(connection, socket.socket)
        waiting = self._waiting.get(connection)
        if waiting is None:
            return  # It was dropped for another one in this turn.
        try:
            received = connection.recv(REQUEST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        waiting.head += received
        if not received:
            self._drop(connection)
        elif b"\r\n\r\n" in waiting.head or len(waiting.head) > REQUEST_BYTES:
            self._forget(connection)
            self._answering.submit(_respond, connection, waiting.head, self._answer)

    def _forget(self, connection: socket.socket) -> None:
        del self._waiting[connection]
        self._selector.unregister(connection)

    def _drop(self, connection: socket.socket) -> None:
        self._forget(connection)
        connection.close()


def serve(port: int, routes: Routes, host: str | None = None) -> Server:
    """`serve_requests` for answers that depend on the target alone."""
    return serve_requests(port, lambda request: routes(request.target), host)


def serve_requests(port: int, answer: Answer, host: str | None = None) -> Server:
    """Answer on `port` (0: any free one) of `host`, or of every address of the machine, IPv6 where it has it.

    Raises OSError when the port is taken.
    """
    if host is not None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return Server(_listen(family, host, port), answer)
    try:
        return Server(_listen(socket.AF_INET6, "::", port), answer)
    except OSError as error:
        if error.errno not in _NO_IPV6:
            raise
        return Server(_listen(socket.AF_INET, "0.0.0.0", port), answer)


def _listen(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _respond(connection: socket.socket, head: bytes, answer: Answer) -> None:
    with connection, suppress(OSError):  # The client went away or is too slow; it has no answer to get.
        _send(connection, _response(head, answer))
        connection.shutdown(socket.SHUT_WR)


def _response(head: bytes, answer: Answer) -> Response:
    if len(head) > REQUEST_BYTES:
        return Response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too long\n")
    words = head.split(b"\r\n", 1)[0].split(b" ")
    if len(words) != 3 or not words[1].startswith(b"/") or not words[2].startswith(b"HTTP/1."):
        return Response(HTTPStatus.BAD_REQUEST, "not a request\n")
    if words[0] != b"GET":
        return Response(HTTPStatus.METHOD_NOT_ALLOWED, "GET only\n")
    try:
        return answer(Request(words[1].decode("ascii", "replace"), _authorization(head)))
    except Exception:
        log("http-error", level="error", error=traceback.format_exc())
        return Response(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error: see the log\n")


def _authorization(head: bytes) -> str:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"authorization":
            return value.strip().decode("ascii", "replace")
    return ""


def _send(connection: socket.socket, response: Response) -> None:
    body = response.body.encode()
    lines = [
        f"HTTP/1.1 {response.status:d} {HTTPStatus(response.status).phrase}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
    ]
    if response.status == HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append("Allow: GET")
    connection.settimeout(REQUEST_SECONDS)
    connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii") + body)
