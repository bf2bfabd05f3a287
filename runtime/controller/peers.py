"""The other controllers' pages, read from their edges over connections that stay open."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from http import HTTPStatus
from urllib.parse import urlsplit

from runtime.controller import views
from runtime.controller.connection import Connection, NoAnswer
from runtime.controller.views import Page

DEADLINE_TIMEOUTS = 3
"""How many timeouts a page may take in all: connection, handshake, answer."""


class _Trust:
    @cached_property
    def context(self) -> ssl.SSLContext:
        """The system's authorities, or those that SSL_CERT_FILE names; loaded by who has peers only."""
        return ssl.create_default_context()


class _Peer:
    """One page, read by a thread of its own, so that a hanging peer delays no other."""

    def __init__(self, url: str, timeout: float, trust: _Trust) -> None:
        self.url, self.timeout, self._trust = url, timeout, trust
        self.token = ""
        self._connection: Connection | None = None
        self._wanted, self._closed = threading.Semaphore(0), False
        self.idle = threading.Event()
        self.idle.set()
        self.read: Page | str = "not read yet"
        threading.Thread(target=self._run, name="peer", daemon=True).start()

    def ask(self, token: str) -> None:
        """Start reading, unless the last read still hangs."""
        self.token = token
        if self.idle.is_set():
            self.idle.clear()
            self._wanted.release()

    def close(self) -> None:
        self._closed = True
        self._wanted.release()

    def _run(self) -> None:
        while True:
            self._wanted.acquire()
            if self._closed:
                if self._connection is not None:
                    self._connection.close()
                return
            try:
                self.read = self._read()
            except Exception as error:  # Whatever a page is made of, the next one is read.
                self.read = f"{type(error).__name__}: {error}"
            self.idle.set()

    def _read(self) -> Page | str:
        parts = urlsplit(self.url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            if self._connection is None:
                origin = f"{parts.scheme}://{parts.netloc}"
                self._connection = Connection(
                    origin,
                    self.timeout,
                    lambda: self._trust.context,
                    largest=views.LARGEST,
                    deadline=DEADLINE_TIMEOUTS * self.timeout,
                )
            headers = {"User-Agent": "digital-agency-failover"}
            if self.token:
                headers["Authorization"] = f"{views.SCHEME} {self.token}"
            answer = self._connection.request("GET", path, headers=headers)
            if answer.status != HTTPStatus.OK:
                return f"HTTP {answer.status}"
            return views.parse(answer.body)
        except (NoAnswer, ValueError) as error:
            return str(error)


class Peers:
    """Used by one thread."""

    def __init__(self) -> None:
        self._peers: dict[str, _Peer] = {}
        self._trust = _Trust()

    def ask(
        self, urls: Mapping[str, str], timeout: float, token: Callable[[str], str] = lambda region: ""
    ) -> None:
        """Start reading every page, of regions to URLs; those that are no longer named are forgotten.
        `token`: what opens a region's page.
        """
        for region, peer in list(self._peers.items()):
            if (peer.url, peer.timeout) != (urls.get(region), timeout):
                self._peers.pop(region).close()
        for region, url in urls.items():
            if region not in self._peers:
                self._peers[region] = _Peer(url, timeout, self._trust)
            self._peers[region].ask(token(region))

    def answers(self, limit: float) -> dict[str, Page | str]:
        """Each region's page as read since `ask`, or why there is none; waits `limit` seconds in all."""
        deadline = time.monotonic() + limit
        found: dict[str, Page | str] = {}
        for region, peer in self._peers.items():
            done = peer.idle.wait(max(deadline - time.monotonic(), 0))
            found[region] = peer.read if done else "no answer in time"
        return found
