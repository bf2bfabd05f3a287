"""Endpoints that do as a test says, on real sockets, and a client that sees every byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

WAIT_SECONDS = 60.0
"""For anything that a test waits for on a socket: so long only on a machine that stands still."""
LOOPBACK = "127.0.0.1"


class Talk:
    """One end of a connection, read by messages."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        connection.settimeout(WAIT_SECONDS)
        self._held = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def until(self, end: bytes) -> bytes:
        """All up to and with `end`; what there was when the other side closed before."""
        while end not in self._held:
            data = self.socket.recv(65536)
            if not data:
                return self.rest()
            self._held += data
        found, _, self._held = self._held.partition(end)
        return found + end

    def exactly(self, count: int) -> bytes:
        while len(self._held) < count:
            data = self.socket.recv(65536)
            if not data:
                break
            self._held += data
        found, self._held = self._held[:count], self._held[count:]
        return found

    def rest(self) -> bytes:
        """Until the other side closes."""
        parts, self._held = [self._held], b""
        while data := self.socket.recv(65536):
            parts.append(data)
        return b"".join(parts)

    def head(self) -> bytes:
        return self.until(b"\r\n\r\n")

    def message(self) -> tuple[bytes, bytes]:
        """Head and body of a message that says its length."""
        head = self.head()
        return head, self.exactly(int(header(head, "content-length") or 0))

    def closed(self) -> bool:
        """Waits for it; whether nothing more came."""
        try:
            return self.rest() == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        with suppress(OSError):
            self.socket.close()


def header(head: bytes, name: str) -> str | None:
    found = [line.partition(b":")[2].strip() for line in head.split(b"\r\n")[1:] if _named(line, name)]
    assert len(found) < 2, f"{name} comes {len(found)} times"
    return found[0].decode() if found else None


def _named(line: bytes, name: str) -> bool:
    return line.partition(b":")[0].decode().lower() == name


Play = Callable[[Talk], object]
"""What an endpoint does on each connection."""


@dataclass
class Backend:
    host: str
    port: int
    heads: list[bytes] = field(default_factory=list)
    """Of the requests that came, where `says` plays."""
    connections: list[Talk] = field(default_factory=list)


@contextmanager
def backend(play: Play, host: str = LOOPBACK) -> Iterator[Backend]:
    listener = socket.create_server((host, 0), backlog=128)
    found = Backend(host, listener.getsockname()[1])
    failures: list[BaseException] = []

    def serve(connection: socket.socket) -> None:
        talk = Talk(connection)
        found.connections.append(talk)
        try:
            play(talk)
        except (ConnectionError, OSError):
            pass  # The test is over, or the proxy has hung up; it is the proxy that is tested.
        except BaseException as error:
            failures.append(error)
        finally:
            talk.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
    assert failures == []


@contextmanager
def answering(text: str, host: str = LOOPBACK) -> Iterator[Backend]:
    """Answers each request with a text, and keeps the requests' heads."""
    heads: list[bytes] = []

    def play(talk: Talk) -> None:
        head, _ = talk.message()
        heads.append(head)
        talk.send(ok(text.encode()))

    with backend(play, host) as found:
        found.heads = heads
        yield found


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def request(path: str = "/", *headers: str, method: str = "GET", host: str = "acme.test") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode()


@contextmanager
def client(port: int, host: str = LOOPBACK) -> Iterator[Talk]:
    talk = Talk(socket.create_connection((host, port), timeout=WAIT_SECONDS))
    try:
        yield talk
    finally:
        talk.close()


def ask(port: int, path: str = "/", host: str = "acme.test") -> tuple[int, str]:
    """Status and body of one request; (0, "") when nobody listens."""
    try:
        with client(port) as talk:
            talk.send(request(path, "Connection: close", host=host))
            head, body = talk.message()
            return int(head.split(b" ", 2)[1]), body.decode()
    except ConnectionError:
        return 0, ""


def closed_port(host: str = LOOPBACK) -> int:
    """At which nobody listens."""
    with socket.create_server((host, 0)) as listener:
        return int(listener.getsockname()[1])
