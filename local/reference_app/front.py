"""The HTTP server of a program: serves its pages and forwards MCP calls to the worker.

Python's `http.server` takes 7 MB more, and each company has three such processes a region.
"""

from __future__ import annotations

import socketserver
from collections.abc import Callable, Mapping
from http import HTTPStatus

from .files import log
from .worker import Worker

MCP_PATHS = ("/messages", "/sse")
REQUEST_SECONDS = 30.0
"""Timeout of each read of a request."""
HEAD_LINES = 100
LINE_BYTES = 16 << 10
CHUNK_BYTES = 64 << 10

Page = Callable[[], tuple[str, str]]
"""Content type and text."""


def health() -> tuple[str, str]:
    return "text/plain; charset=utf-8", "OK"


class Front(socketserver.ThreadingTCPServer):
    """Serves `pages` by path, and MCP if there is a worker."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, pages: Mapping[str, Page], worker: Worker | None = None) -> None:
        self.pages = pages
        self.worker = worker
        super().__init__(("0.0.0.0", port), _Request)

    def service_actions(self) -> None:
        if self.worker is not None:
            self.worker.end_if_idle()


class _Request(socketserver.StreamRequestHandler):
    timeout = REQUEST_SECONDS
    server: Front

    def handle(self) -> None:
        try:
            self._route(self._head())
        except OSError as error:
            log(f"a request from {self.client_address[0]} failed: {error}")

    def _head(self) -> list[bytes]:
        """Request line and headers; empty if they are incomplete."""
        lines: list[bytes] = []
        while len(lines) < HEAD_LINES:
            line = self.rfile.readline(LINE_BYTES)
            if not line.endswith(b"\n"):
                return []
            if not line.strip():
                return lines
            lines.append(line)
        return []

    def _route(self, head: list[bytes]) -> None:
        words = head[0].decode("latin-1").split() if head else []
        if len(words) != 3:
            return self._answer(HTTPStatus.BAD_REQUEST)
        method, path = words[0], words[1].partition("?")[0]
        page = self.server.pages.get(path)
        if page is not None and method == "GET":
            return self._answer(HTTPStatus.OK, *page())
        if self.server.worker is not None and path in MCP_PATHS:
            return self._forward(self.server.worker, head)
        return self._answer(HTTPStatus.NOT_FOUND)

    def _answer(self, status: HTTPStatus, kind: str = "text/plain; charset=utf-8", text: str = "") -> None:
        body = (text or status.phrase).encode()
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def _forward(self, worker: Worker, head: list[bytes]) -> None:
        headers = {
            name.strip().lower(): value for name, _, value in (line.partition(b":") for line in head[1:])
        }
        length = headers.get(b"content-length", b"0").strip()
        if b"transfer-encoding" in headers or not length.isdigit():
            return self._answer(HTTPStatus.LENGTH_REQUIRED)
        kept = [line for line in head if not line.lower().startswith(b"connection:")]
        answered = False
        try:
            with worker.connection() as peer:
                peer.sendall(b"".join([*kept, b"Connection: close\r\n\r\n"]))
                remaining = int(length)
                while remaining and (chunk := self.rfile.read1(min(remaining, CHUNK_BYTES))):
                    peer.sendall(chunk)
                    remaining -= len(chunk)
                while chunk := peer.recv(CHUNK_BYTES):
                    answered = True
                    self.wfile.write(chunk)
        finally:
            if not answered:
                self._answer(HTTPStatus.BAD_GATEWAY, text="the MCP server has ended: see its log")
        return None
