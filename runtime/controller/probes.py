"""Many small HTTP requests at once: one thread, one loop over raw sockets, a new connection for each."""

from __future__ import annotations

import errno
import os
import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from runtime.controller.addresses import Addresses

MOST_AT_ONCE = 300
"""A sample and its confirmation, so that a region in which all hang takes one timeout; and so few that a
container with half a core still starts them well within it."""
CHUNK = 65536
_STATUS_LINE = re.compile(rb"HTTP/1\.\S* ([1-9][0-9]{2})(?: |$)")


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, or why there is none."""

    status: int
    """0: no answer."""
    body: bytes = b""
    error: str = ""
    unasked: bool = False
    """Nobody could say in time which address the target's name has."""


@dataclass(slots=True)
class _Request:
    target: Target
    address: str
    deadline: float
    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)


class Prober:
    """Asks targets. Any thread may use it."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    def ask(self, targets: Iterable[Target], timeout: float, largest: int = 0) -> dict[Target, Reply]:
        """The reply of each target, every one within `timeout` seconds of its start.

        With `largest`, bodies of up to so many bytes are read to their end; without, the status is enough.
        """
        wanted = list(dict.fromkeys(targets))
        addresses = self._addresses.find({target.host for target in wanted}, timeout)
        replies: dict[Target, Reply] = {}
        waiting = deque[tuple[Target, str]]()
        for target in wanted:
            known = addresses.get(target.host)
            if known:
                waiting.append((target, known[0]))
            else:
                error = f"no address of {target.host}"
                replies[target] = Reply(0, error=error, unasked=target.host not in addresses)
        loop = _Loop(timeout, largest)
        try:
            loop.run(waiting, replies)
        finally:
            loop.close()
        for target, address in loop.failed:
            self._addresses.look_up_again(target.host, address)
        return replies


class _Loop:
    def __init__(self, timeout: float, largest: int) -> None:
        self._timeout, self._largest = timeout, largest
        self._selector = selectors.DefaultSelector()
        self._open = deque[_Request]()
        """In the order of their deadlines; those that are done leave when they come to the front."""
        self._count = 0
        self.failed = list[tuple[Target, str]]()

    def run(self, waiting: deque[tuple[Target, str]], replies: dict[Target, Reply]) -> None:
        while waiting or self._count:
            while waiting and self._count < MOST_AT_ONCE:
                self._start(*waiting.popleft(), replies)
            while self._open and self._open[0].target in replies:
                self._open.popleft()
            if not self._open:
                continue
            left = self._open[0].deadline - time.monotonic()
            for key, events in self._selector.select(max(left, 0)):
                self._step(key.data, events, replies)
            now = time.monotonic()
            while self._open and (self._open[0].deadline <= now or self._open[0].target in replies):
                request = self._open.popleft()
                if request.target not in replies:
                    self._end(request, Reply(0, error=f"no answer in {self._timeout:g} s"), replies)

    def close(self) -> None:
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()

    def _start(self, target: Target, address: str, replies: dict[Target, Reply]) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            code = connection.connect_ex((address, target.port))
        except OSError as error:
            replies[target] = Reply(0, error=str(error))
            return
        request = _Request(target, address, time.monotonic() + self._timeout, connection)
        self._selector.register(connection, selectors.EVENT_WRITE, request)
        self._open.append(request)
        self._count += 1
        if code not in (0, errno.EINPROGRESS):
            self._end(request, Reply(0, error=os.strerror(code)), replies)

    def _step(self, request: _Request, events: int, replies: dict[Target, Reply]) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                request.socket.send(_head(request.target))
                self._selector.modify(request.socket, selectors.EVENT_READ, request)
                return
            chunk = request.socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(request, Reply(0, error=error.strerror or str(error)), replies)
            return
        request.received += chunk
        reply = _reply(request.received, self._largest, ended=not chunk)
        if reply is not None:
            self._end(request, reply, replies)

    def _end(self, request: _Request, reply: Reply, replies: dict[Target, Reply]) -> None:
        self._selector.unregister(request.socket)
        request.socket.close()
        self._count -= 1
        replies[request.target] = reply
        if reply.status == 0:
            self.failed.append((request.target, request.address))


def _head(target: Target) -> bytes:
    return (
        f"GET {target.path} HTTP/1.1\r\nHost: {target.host}:{target.port}\r\n"
        "User-Agent: digital-agency-failover\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii")


def _reply(received: bytearray, largest: int, *, ended: bool) -> Reply | None:
    """What came so far, as a reply; None when more must come."""
    line, newline, _ = bytes(received[:CHUNK]).partition(b"\r\n") if received else (b"", b"", b"")
    if not newline:
        if ended or len(received) > CHUNK:
            return Reply(0, error="hung up without an answer" if ended else "no HTTP answer")
        return None
    status = _STATUS_LINE.match(line)
    if status is None:
        return Reply(0, error="no HTTP answer")
    if largest and not ended:
        return None if len(received) <= largest else Reply(0, error=f"an answer of over {largest} bytes")
    return Reply(int(status[1]), body=bytes(received.partition(b"\r\n\r\n")[2]) if largest else b"")
