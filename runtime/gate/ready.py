"""Whether clients may be sent to this pod: what `GET /ready` says."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from runtime.gate.roles import Role, role_of
from runtime.gate.steps import Condition
from runtime.gate.told import Told
from runtime.http_server import Response
from runtime.metrics import Metrics

TIMEOUT_SECONDS = 2.0
"""For the application's whole answer."""
FAILURES = 2
"""In a row, before an application that was well counts as down: a blip takes nobody out."""
APART_SECONDS = 1.0
"""Between two questions to the application, however often `/ready` is asked."""


class ApplicationHealth:
    """The application's own `/health`, asked when somebody wants to know."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._failures = FAILURES
        self._asked_at = float("-inf")
        self._problem: str | None = "it was not asked yet"
        self._lock = threading.Lock()

    def problem(self) -> str | None:
        """Why it counts as down; None when it does not."""
        with self._lock:
            if time.monotonic() - self._asked_at >= APART_SECONDS:
                self._problem = why_not(self._url)
                self._failures = self._failures + 1 if self._problem else 0
                self._asked_at = time.monotonic()
            return self._problem if self._failures >= FAILURES else None


class Readiness:
    """The flag, the memory, the application. `unfit` says what of the memory keeps a role from serving."""

    def __init__(
        self,
        told: Told,
        application: ApplicationHealth,
        unfit: Callable[[Role], str | None],
        condition: Condition,
        metrics: Metrics,
    ) -> None:
        self._told = told
        self._application = application
        self._unfit = unfit
        self._condition = condition
        self._metrics = metrics
        self._lock = threading.Lock()

    def answer(self) -> Response:
        reasons = self._reasons()
        with self._lock:
            self._metrics.set("agency_ready", not reasons, "1 when /ready last said so.")
            if reasons:
                self._condition.is_bad("; ".join(reasons))
            else:
                self._condition.is_good("clients may be sent here")
        return Response(503 if reasons else 200, "".join(f"{line}\n" for line in reasons or ["ready"]))

    def _reasons(self) -> list[str]:
        settings, flags = self._told.settings, self._told.flags_now()
        reasons = [f"region {settings.region} is flagged as failed"] if settings.region in flags else []
        if unfit := self._unfit(role_of(settings, flags)):
            reasons.append(unfit)
        if problem := self._application.problem():
            reasons.append(f"the application is not well: {problem}")
        return reasons


def why_not(url: str) -> str | None:
    """Why `url` (http) does not answer 200; None when it does."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    question = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    deadline = time.monotonic() + TIMEOUT_SECONDS
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT_SECONDS) as connection:
            connection.sendall(question.encode("ascii"))
            status = _first_line(connection, deadline).split(b" ")
    except TimeoutError:
        return f"{url}: no answer in {TIMEOUT_SECONDS:.0f} s"
    except OSError as error:
        return f"{url}: {error}"
    if len(status) < 2 or not status[0].startswith(b"HTTP/1."):
        return f"{url}: the answer is not HTTP"
    return None if status[1] == b"200" else f"{url}: status {status[1].decode('ascii', 'replace')}"


def _first_line(connection: socket.socket, deadline: float) -> bytes:
    """Raises TimeoutError when it has not come by then."""
    received = b""
    while b"\r\n" not in received and len(received) < 1024:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        chunk = connection.recv(1024)
        if not chunk:
            break
        received += chunk
    return received.split(b"\r\n", 1)[0]
