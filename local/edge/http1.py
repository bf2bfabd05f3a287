"""Heads of HTTP/1.1 messages, and how long their bodies are (RFC 9112). No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from http import HTTPMethod, HTTPStatus
from urllib.parse import urlsplit

Headers = tuple[tuple[str, str], ...]


class Framing(Enum):
    """A body that does not say beforehand how long it is."""

    CHUNKED = "chunked"
    UNTIL_CLOSE = "until close"


Length = int | Framing
"""Of a body: bytes, or how its end is known."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rf"({_TOKEN}) (\S+) HTTP/1\.([01])")
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: (.*))?")
_NAME = re.compile(_TOKEN)
_NUMBER = re.compile(r"[0-9]{1,18}")
_HOST = re.compile(r"[^\s/?#@\\]*")

OF_A_CONNECTION = frozenset(
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"]
)
"""Headers that concern one connection alone, beside those that `Connection` names (RFC 9110, 7.6.1)."""


class BadMessage(Exception):
    """Not HTTP/1.1 as it must be; the message says what. `status` is what a client is told."""

    def __init__(self, problem: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(problem)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    target: str
    """Path, and query if any."""
    host: str
    """As it came, with a port if any; "" when HTTP/1.0 says none."""
    modern: bool
    """HTTP/1.1, not 1.0."""
    headers: Headers
    length: Length

    @classmethod
    def parse(cls, head: bytes) -> Request:
        """Raises BadMessage."""
        line, headers = _split(head)
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            raise BadMessage("not an HTTP/1.1 request line")
        method, target, minor = match.groups()
        hosts = values(headers, "host")
        if len(hosts) > 1 or (not hosts and minor == "1"):
            raise BadMessage("a request has one Host")
        host = hosts[0] if hosts else ""
        if target.startswith(("http://", "https://")):
            target, host = _of_absolute(target)
        if not target.startswith("/") or _HOST.fullmatch(host) is None:
            raise BadMessage("neither a path nor a URL is asked for, or the Host is none")
        return cls(
            method=method,
            target=target,
            host=host,
            modern=minor == "1",
            headers=headers,
            length=_declared(headers, modern=minor == "1") or 0,
        )

    @property
    def keeps_connection(self) -> bool:
        return self.modern and "close" not in tokens(self.headers, "connection")

    @property
    def expects_continue(self) -> bool:
        return self.modern and self.length != 0 and "100-continue" in tokens(self.headers, "expect")


@dataclass(frozen=True, kw_only=True)
class Response:
    status: int
    reason: str
    headers: Headers
    declared: Length | None
    """What the headers say of the body; None: nothing."""

    @classmethod
    def parse(cls, head: bytes) -> Response:
        """Raises BadMessage."""
        line, headers = _split(head)
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            raise BadMessage("not an HTTP/1.1 status line")
        return cls(
            status=int(match[2]),
            reason=match[3] or "",
            headers=headers,
            declared=_declared(headers, modern=match[1] == "1"),
        )

    def length(self, method: str) -> Length:
        """Of the body that follows on a request of this method."""
        bodiless = self.status < 200 or self.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        if bodiless or method == HTTPMethod.HEAD:
            return 0
        return Framing.UNTIL_CLOSE if self.declared is None else self.declared


def values(headers: Headers, name: str) -> list[str]:
    """What a header says, each time it comes. `name` in lower case."""
    return [value for known, value in headers if known.lower() == name]


def tokens(headers: Headers, name: str) -> set[str]:
    """The words of a header that is a list, in lower case."""
    return {word.strip().lower() for value in values(headers, name) for word in value.split(",")} - {""}


def passed_on(headers: Headers, *left_out: str) -> Headers:
    """The headers that are for the other end; without those `left_out`, in lower case."""
    dropped = OF_A_CONNECTION | tokens(headers, "connection") | set(left_out)
    return tuple((name, value) for name, value in headers if name.lower() not in dropped)


def head(line: str, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [line, *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


def _split(raw: bytes) -> tuple[str, Headers]:
    line, *rest = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    found = []
    for one in (line, *rest):
        if any(character in one for character in "\r\n\0"):
            raise BadMessage(f"a line with a control character: {one[:80]!r}")
    for one in rest:
        name, colon, value = one.partition(":")
        if not colon or _NAME.fullmatch(name) is None:
            raise BadMessage(f"not a header: {one[:80]!r}")
        found.append((name, value.strip(" \t")))
    return line, tuple(found)


def _of_absolute(url: str) -> tuple[str, str]:
    """Target and host of the URL that a client takes us for a proxy with."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadMessage(f"{url[:80]!r} is not a URL: {error}") from error
    path = parts.path or "/"
    return (f"{path}?{parts.query}" if parts.query else path), parts.netloc


def _declared(headers: Headers, *, modern: bool) -> Length | None:
    """Strict: two ends that take a body for differently long are how requests are smuggled."""
    codings = ", ".join(values(headers, "transfer-encoding")).lower()
    lengths = {part.strip() for value in values(headers, "content-length") for part in value.split(",")}
    if codings:
        if lengths or not modern:
            raise BadMessage("Transfer-Encoding beside Content-Length, or in HTTP/1.0")
        if codings != "chunked":
            raise BadMessage(f"Transfer-Encoding {codings[:80]!r}", HTTPStatus.NOT_IMPLEMENTED)
        return Framing.CHUNKED
    if not lengths:
        return None
    if len(lengths) > 1 or _NUMBER.fullmatch(number := lengths.pop()) is None:
        raise BadMessage("Content-Length is not one number")
    return int(number)
