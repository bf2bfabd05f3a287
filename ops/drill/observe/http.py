"""One HTTP request to an address that is not resolved again, with a deadline for the whole exchange."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Generator, Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

AGENT = "digital-agency-drill"
_LONGEST_LINE = 1024


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a server listens."""

    host: str
    port: int
    tls: bool
    authority: Path | None = None
    """The CA of the server's certificate; None: the system's trusted ones."""

    @classmethod
    def of(cls, url: str) -> Address:
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        return cls(host=parts.hostname or "", port=parts.port or (443 if tls else 80), tls=tls)


@dataclass(frozen=True, kw_only=True)
class Request:
    host: str
    """For the Host header and the name of the server's certificate."""
    path: str
    connect: float
    """Seconds for the connection, TLS included."""
    answer: float
    """Seconds from the connection to the status."""
    verify: bool = True
    """Whether the certificate is verified."""


@dataclass(frozen=True, kw_only=True)
class Response:
    status: int
    """0: no answer."""
    detail: str
    """The status, or why there is none."""

    @property
    def ok(self) -> bool:
        return self.status == 200

    @property
    def passes(self) -> bool:
        """Whether Route53's checkers count it as healthy."""
        return 200 <= self.status < 400


def send(address: Address, request: Request) -> Response:
    """Never raises."""
    try:
        connection = _connect(address, request)
    except TimeoutError:
        return Response(status=0, detail=f"no connection in {request.connect:g} s")
    except OSError as error:
        return Response(status=0, detail=error.strerror or str(error))
    with connection:
        try:
            return _exchange(connection, request)
        except TimeoutError:
            return Response(status=0, detail=f"no answer in {request.answer:g} s")
        except OSError as error:
            return Response(status=0, detail=error.strerror or str(error))


def talk(address: Address, requests: Iterable[Request]) -> Generator[Response]:
    """The answers to requests on one connection, each sent when the answer before has been taken. An answer
    of status 0 is the last. Never raises; to be closed.
    """
    with ExitStack() as stack:
        connection = None
        for request in requests:
            try:
                if connection is None:
                    connection = stack.enter_context(closing(http.client.HTTPConnection(address.host)))
                    connection.auto_open = 0
                    connection.sock = _connect(address, request)
                connection.sock.settimeout(request.answer)
                connection.request("GET", request.path, headers={"Host": request.host, "User-Agent": AGENT})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                yield Response(status=0, detail=str(error) or type(error).__name__)
                return
            yield Response(status=answer.status, detail=str(answer.status))


def _connect(address: Address, request: Request) -> socket.socket:
    deadline = time.monotonic() + request.connect
    connection = socket.create_connection((address.host, address.port), timeout=request.connect)
    if not address.tls:
        return connection
    try:
        context = ssl.create_default_context(cafile=address.authority)
        if not request.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        return context.wrap_socket(connection, server_hostname=request.host)
    except BaseException:
        connection.close()
        raise


def _exchange(connection: socket.socket, request: Request) -> Response:
    deadline = time.monotonic() + request.answer
    head = f"GET {request.path} HTTP/1.1\r\nHost: {request.host}\r\nConnection: close\r\nAccept: */*\r\n"
    connection.settimeout(request.answer)
    connection.sendall(f"{head}User-Agent: {AGENT}\r\n\r\n".encode("ascii"))
    received = b""
    while b"\r\n" not in received and len(received) < _LONGEST_LINE:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        chunk = connection.recv(_LONGEST_LINE)
        if not chunk:
            return Response(status=0, detail="the connection was closed without an answer")
        received += chunk
    words = received.split(b"\r\n", 1)[0].split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        return Response(status=0, detail="the answer is not HTTP")
    return Response(status=int(words[1]), detail=str(int(words[1])))
