"""A small HTTP server: GET only, one thread a request, nothing that a client sends can hold it up or grow it.

Not `http.server`: that bounds no request as a whole, neither its time nor its headers, and takes 8 MB.
"""

from __future__ import annotations

import errno
import socket
import socketserver
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from runtime.logs import log

REQUEST_BYTES = 8192
"""Request line and headers."""
REQUEST_SECONDS = 5.0
"""For the whole request to come, and again for the answer to be taken."""
MOST_AT_ONCE = 64

_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)


@dataclass(frozen=True)
class Response:
    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"


Routes = Callable[[str], Response]
"""From a request's target (path, and query if any) to the answer."""


class Server:
    """A server that answers until it is closed."""

    def __init__(self, listener: _Listener) -> None:
        self._listener = listener
        self._thread = threading.Thread(target=listener.serve_forever, name="http", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.server_address[1])

    def close(self) -> None:
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()


def serve(port: int, routes: Routes, host: str | None = None) -> Server:
    """Answer on `port` (0: any free one) of `host`, or of every address of the machine, IPv6 where it has it.

    Raises OSError when the port is taken.
    """
    if host is not None:
        return Server(_Listener(socket.AF_INET6 if ":" in host else socket.AF_INET, host, port, routes))
    try:
        return Server(_Listener(socket.AF_INET6, "::", port, routes))
    except OSError as error:
        if error.errno not in _NO_IPV6:
            raise
        return Server(_Listener(socket.AF_INET, "0.0.0.0", port, routes))


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, family: socket.AddressFamily, host: str, port: int, routes: Routes) -> None:
        self.address_family = family
        self.routes = routes
        self._slots = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def process_request(self, request: object, client_address: object) -> None:
        self._slots.acquire()
        try:
            super().process_request(request, client_address)  # type: ignore[arg-type]
        except BaseException:
            self._slots.release()
            raise

    def process_request_thread(self, request: object, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._slots.release()

    def handle_error(self, request: object, client_address: object) -> None:
        log("http-error", level="warning", client=client_address, error=traceback.format_exc(limit=-1))


class _Handler(socketserver.BaseRequestHandler):
    server: _Listener

    def handle(self) -> None:
        try:
            asked = _receive(self.request)
            if asked is not None:
                _send(self.request, _answer(asked, self.server.routes))
        except OSError:
            return  # The client went away or was too slow; it has no answer to get.


def _receive(connection: socket.socket) -> bytes | None:
    """The request's head; None when the client hung up. Raises TimeoutError when it does not come in time."""
    deadline = time.monotonic() + REQUEST_SECONDS
    head = b""
    while b"\r\n\r\n" not in head and len(head) <= REQUEST_BYTES:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        received = connection.recv(REQUEST_BYTES)
        if not received:
            return None
        head += received
    return head


def _answer(head: bytes, routes: Routes) -> Response:
    if len(head) > REQUEST_BYTES:
        return Response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too long\n")
    words = head.split(b"\r\n", 1)[0].split(b" ")
    if len(words) != 3 or not words[1].startswith(b"/") or not words[2].startswith(b"HTTP/1."):
        return Response(HTTPStatus.BAD_REQUEST, "not a request\n")
    if words[0] != b"GET":
        return Response(HTTPStatus.METHOD_NOT_ALLOWED, "GET only\n")
    try:
        return routes(words[1].decode("ascii", "replace"))
    except Exception:
        log("http-error", level="error", error=traceback.format_exc())
        return Response(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of ours; the log has it\n")


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
