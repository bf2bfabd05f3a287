"""Readiness: whether clients may be sent to this pod, the answer of `GET /ready`."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from runtime.gate.events import Condition
from runtime.gate.handover.roles import Role, role_of
from runtime.gate.live_config import LiveConfig
from runtime.http_server import Response
from runtime.metrics import Metrics

TIMEOUT_SECONDS = 2.0
"""For the whole response of the application."""
FAILURES = 2
"""In a row, before a healthy application counts as down: one failure takes no pod out."""
INTERVAL_SECONDS = 1.0
"""At least, between two requests to the application, however often `/ready` is requested."""


class ApplicationHealth:
    """The application's own `/health`, requested on demand."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._failures = FAILURES
        self._requested_at = float("-inf")
        self._problem: str | None = "not requested yet"
        self._lock = threading.Lock()

    def problem(self) -> str | None:
        """Why it counts as down; None when it does not."""
        with self._lock:
            if time.monotonic() - self._requested_at >= INTERVAL_SECONDS:
                self._problem = why_not(self._url)
                self._failures = self._failures + 1 if self._problem else 0
                self._requested_at = time.monotonic()
            return self._problem if self._failures >= FAILURES else None


class Readiness:
    """The flag, the active files, the application. `why_not_ready`: for a role, by the active files."""

    def __init__(
        self,
        live: LiveConfig,
        application: ApplicationHealth,
        why_not_ready: Callable[[Role], str | None],
        condition: Condition,
        metrics: Metrics,
    ) -> None:
        self._live = live
        self._application = application
        self._why_not_ready = why_not_ready
        self._condition = condition
        self._metrics = metrics
        self._lock = threading.Lock()

    def answer(self) -> Response:
        reasons = self._reasons()
        with self._lock:
            self._metrics.set("agency_ready", not reasons, "1 when /ready was 200 the last time.")
            if reasons:
                self._condition.report("; ".join(reasons))
            else:
                self._condition.clear("clients may be sent here")
        return Response(503 if reasons else 200, "".join(f"{line}\n" for line in reasons or ["ready"]))

    def _reasons(self) -> list[str]:
        config, flags = self._live.config, self._live.flags_now()
        reasons = [f"region {config.region} is flagged as failed"] if config.region in flags else []
        if why_not_ready := self._why_not_ready(role_of(config, flags)):
            reasons.append(why_not_ready)
        if problem := self._application.problem():
            reasons.append(f"the application is not healthy: {problem}")
        return reasons


def why_not(url: str) -> str | None:
    """Why `url` (http) does not respond with 200; None when it does."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    request = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    deadline = time.monotonic() + TIMEOUT_SECONDS
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT_SECONDS) as connection:
            connection.sendall(request.encode("ascii"))
            status = _first_line(connection, deadline).split(b" ")
    except TimeoutError:
        return f"{url}: no response in {TIMEOUT_SECONDS:.0f} s"
    except OSError as error:
        return f"{url}: {error}"
    if len(status) < 2 or not status[0].startswith(b"HTTP/1."):
        return f"{url}: the response is not HTTP"
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
