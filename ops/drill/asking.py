"""One HTTP request, to an address that is not looked up again, with a deadline for all of it."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_LONGEST_LINE = 1024
_LARGEST = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something listens."""

    host: str
    port: int
    tls: bool
    authority: Path | None = None
    """That signed the server's certificate; None: one that everybody trusts."""

    @classmethod
    def of(cls, url: str) -> Place:
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        return cls(host=parts.hostname or "", port=parts.port or (443 if tls else 80), tls=tls)


@dataclass(frozen=True, kw_only=True)
class Question:
    host: str
    """Who is asked for: the Host header, and the name that a TLS server has to show."""
    path: str
    connect: float
    """Seconds for the connection, its TLS included."""
    answer: float
    """Seconds from there to the status."""
    verify: bool = True
    """Whether the certificate has to be good."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int
    """0: no answer."""
    detail: str
    """What people read: the status, or why there is none."""

    @property
    def ok(self) -> bool:
        return self.status == 200

    @property
    def passes(self) -> bool:
        """As Route53's checkers see it."""
        return 200 <= self.status < 400


def ask(place: Place, question: Question) -> Reply:
    """Never raises."""
    try:
        connection = _connect(place, question)
    except TimeoutError:
        return Reply(status=0, detail=f"no connection in {question.connect:g} s")
    except OSError as error:
        return Reply(status=0, detail=error.strerror or str(error))
    with connection:
        try:
            return _exchange(connection, question)
        except TimeoutError:
            return Reply(status=0, detail=f"no answer in {question.answer:g} s")
        except OSError as error:
            return Reply(status=0, detail=error.strerror or str(error))


def _connect(place: Place, question: Question) -> socket.socket:
    deadline = time.monotonic() + question.connect
    connection = socket.create_connection((place.host, place.port), timeout=question.connect)
    if not place.tls:
        return connection
    try:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        return _context(place, question).wrap_socket(connection, server_hostname=question.host)
    except BaseException:
        connection.close()
        raise


def _context(place: Place, question: Question) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=place.authority)
    if not question.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _exchange(connection: socket.socket, question: Question) -> Reply:
    deadline = time.monotonic() + question.answer
    head = f"GET {question.path} HTTP/1.1\r\nHost: {question.host}\r\nConnection: close\r\nAccept: */*\r\n"
    connection.settimeout(question.answer)
    connection.sendall(f"{head}User-Agent: digital-agency-drill\r\n\r\n".encode("ascii"))
    received = b""
    while b"\r\n" not in received and len(received) < _LONGEST_LINE:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        chunk = connection.recv(_LONGEST_LINE)
        if not chunk:
            return Reply(status=0, detail="the connection was closed without an answer")
        received += chunk
    words = received.split(b"\r\n", 1)[0].split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        return Reply(status=0, detail="the answer is not HTTP")
    return Reply(status=int(words[1]), detail=str(int(words[1])))


class NoPage(Exception):
    """What was asked for did not come, in words."""


def fetch(base_url: str, path: str, timeout: float) -> tuple[int, str]:
    """Status and text of a page. Raises NoPage."""
    place = Place.of(base_url)
    connection = http.client.HTTPConnection(place.host, place.port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read(_LARGEST).decode(errors="replace")
    except TimeoutError as error:
        raise NoPage(f"no answer in {timeout:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise NoPage(str(error) or type(error).__name__) from error
    finally:
        connection.close()
