"""Names to addresses, looked up by a few threads and remembered, so that probing never waits for DNS."""

from __future__ import annotations

import queue
import random
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

THREADS = 4
KEPT_SECONDS = 60.0
"""At most: a pod's address may by then be another pod's."""
FORGOTTEN_SECONDS = 180.0
"""After a name was last asked for."""

LookUp = Callable[[str], "tuple[str, ...]"]
"""From a name to its addresses; () when there is none. Raises OSError when nobody could say."""


# Not every C library distinguishes a name without addresses from an unknown name.
_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


def by_system(host: str) -> tuple[str, ...]:
    try:
        entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in _NO_SUCH_NAME:
            return ()
        raise
    return tuple(str(entry[4][0]) for entry in entries)


def by_file(path: Path) -> LookUp:
    """From lines `address name`, as in /etc/hosts."""

    def look_up(host: str) -> tuple[str, ...]:
        lines = (line.split() for line in path.read_text().splitlines())
        return tuple(address for address, *names in lines if host in names)

    return look_up


@dataclass(frozen=True)
class _Known:
    addresses: tuple[str, ...]
    until: float


class Addresses:
    """What is known of each name. Any thread may use it."""

    def __init__(self, look_up: LookUp = by_system) -> None:
        self._look_up = look_up
        self._known: dict[str, _Known] = {}
        self._used: dict[str, float] = {}
        self._swept = time.monotonic()
        self._asked: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._pending = set[str]()
        self._changed = threading.Condition()
        self._threads = list[threading.Thread]()

    def find(self, hosts: Iterable[str], limit: float) -> dict[str, tuple[str, ...]]:
        """The addresses of those names that have some. Unknown names are waited for, `limit`
        seconds in all; names whose answer is old are looked up anew meanwhile.
        """
        wanted, now = set(hosts), time.monotonic()
        with self._changed:
            self._used.update(dict.fromkeys(wanted, now))
            self._sweep(now)
            for host in wanted - self._pending:
                if host not in self._known or self._known[host].until < now:
                    self._ask(host)
            self._changed.wait_for(lambda: wanted <= self._known.keys(), limit)
            return {host: known.addresses for host in wanted if (known := self._known.get(host))}

    def look_up_again(self, host: str, address: str) -> None:
        """The address did not answer: look the name up anew, and use this address last until then."""
        with self._changed:
            known = self._known.get(host)
            if known is not None and address in known.addresses:
                others = tuple(each for each in known.addresses if each != address)
                self._known[host] = _Known((*others, address), until=0.0)

    def _sweep(self, now: float) -> None:
        if now - self._swept > FORGOTTEN_SECONDS:
            self._swept = now
            self._used = {host: used for host, used in self._used.items() if now - used < FORGOTTEN_SECONDS}
            self._known = {host: known for host, known in self._known.items() if host in self._used}

    def _ask(self, host: str) -> None:
        self._pending.add(host)
        self._asked.put(host)
        if len(self._threads) < THREADS:
            thread = threading.Thread(target=self._work, name="addresses", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while True:
            host = self._asked.get()
            found: tuple[str, ...] | None
            try:
                found = self._look_up(host)
            except (OSError, ValueError):
                found = None  # No answer: the known addresses stay.
            with self._changed:
                self._pending.discard(host)
                known = self._known.get(host)
                if found is None:
                    found = known.addresses if known else ()
                # A name without an address is asked for again in the next round.
                until = time.monotonic() + random.uniform(0.5, 1) * KEPT_SECONDS if found else 0.0
                self._known[host] = _Known(found, until)
                self._changed.notify_all()
