"""HTTP requests with one deadline each, straight to the address, past any proxy."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

LIMIT_BYTES = 64 << 20
QUOTED = 240
"""Characters of an answer that an error quotes."""

_POOL = urllib3.PoolManager()


class HttpError(Exception):
    """There is no usable answer: the text says what was requested, where, and what came."""


class Response:
    """An answer whose body is still to be read."""

    def __init__(self, what: str, response: urllib3.BaseHTTPResponse, expired: threading.Event) -> None:
        self._what, self._response, self._expired = what, response, expired
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        """By name, in whatever case."""
        self.content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def content(self) -> bytes:
        return b"".join(self._chunks())

    def text(self) -> str:
        return self.content().decode(errors="replace")

    def lines(self) -> Iterator[str]:
        """Each line as soon as it has come, without its end."""
        rest = b""
        for chunk in self._chunks():
            *lines, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
            for line in lines:
                yield line.decode(errors="replace")
        if rest:
            yield rest.decode(errors="replace")

    def _chunks(self) -> Iterator[bytes]:
        received = 0
        while chunk := self._response.read1(1 << 16):
            received += len(chunk)
            if received > LIMIT_BYTES:
                raise HttpError(f"{self._what}: the answer is longer than {LIMIT_BYTES} bytes")
            yield chunk
        if self._expired.is_set():
            raise TimeoutError


@contextmanager
def request(
    what: str, method: str, url: str, timeout: float, body: str = "", headers: Mapping[str, str] | None = None
) -> Iterator[Response]:
    """One exchange, which has to end within `timeout` seconds. Errors call it `what`. Raises HttpError."""
    expired = threading.Event()
    try:
        response = _POOL.request(
            method,
            url,
            body=body or None,
            headers={"Connection": "close", **(headers or {})},
            timeout=urllib3.Timeout(total=timeout),
            retries=False,
            preload_content=False,
        )
        timer = threading.Timer(timeout, _expire, (response, expired))
        timer.daemon = True
        timer.start()
        try:
            yield Response(what, response, expired)
        finally:
            timer.cancel()
            response.close()
    except (HTTPError, OSError) as error:
        raise HttpError(f"{what}: {_cause(error, timeout, expired.is_set())}") from error


def get(base_url: str, path: str, timeout: float = 5.0) -> tuple[int, str]:
    """Status and text of a page. Raises HttpError."""
    with request(f"GET {base_url}{path}", "GET", base_url.rstrip("/") + path, timeout) as response:
        return response.status, response.text()


def health(base_url: str, timeout: float = 5.0) -> str:
    """The text of `GET /health`. Raises HttpError when its status is not 200."""
    status, text = get(base_url, "/health", timeout)
    if status != HTTPStatus.OK:
        raise HttpError(f"GET {base_url}/health: status {status}: {quoted(text)}")
    return text


def quoted(text: str, limit: int = QUOTED) -> str:
    """As much of an answer as an error quotes, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit // 2]} … {line[-limit // 2 :]}"


def _expire(response: urllib3.BaseHTTPResponse, expired: threading.Event) -> None:
    expired.set()
    with suppress(OSError, RuntimeError, ValueError):
        response.shutdown()


def _cause(error: Exception, timeout: float, expired: bool) -> str:
    if isinstance(error, NewConnectionError):
        refused = isinstance(error.__cause__, ConnectionRefusedError)
        return "nothing listens there (connection refused)" if refused else str(error)
    if expired or isinstance(error, (Urllib3TimeoutError, TimeoutError)):
        return f"no answer in {timeout:g} s"
    if isinstance(error, ProtocolError) and isinstance(error.args[-1], ConnectionResetError):
        return "the connection was closed without an answer"
    return repr(error)
