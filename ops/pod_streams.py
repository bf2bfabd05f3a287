"""Streams to pods: the Kubernetes API's websockets for `portforward` and `exec`."""

from __future__ import annotations

import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from kubernetes.stream import ws_client
from websocket import ABNF, WebSocketException

from local.machine.ports import LOOPBACK
from ops.errors import OperatorError

CHUNK = 1 << 16
STDOUT, STDERR, STATUS = 1, 2, 3
"""Channels of an `exec` (source: Kubernetes, `v4.channel.k8s.io`)."""
DATA, ERROR = 0, 1
"""Channels of a `portforward` of one port. The first message of each names the port."""


class Executed(NamedTuple):
    code: int
    out: str
    err: str


def execute(configuration: Any, path: str, what: str, timeout: float) -> Executed:
    """A command's exit code and output. Raises OperatorError when it can't be run or does not end in time."""
    deadline, output = time.monotonic() + timeout, {STDOUT: b"", STDERR: b"", STATUS: b""}
    stream = _open(configuration, path, what)
    try:
        while _readable(stream, deadline) and (message := _message(stream)) is not None:
            if message and message[0] in output:
                output[message[0]] += message[1:]
    except TimeoutError:
        raise OperatorError(f"{what}: it did not end in {timeout:g} s") from None
    except (OSError, WebSocketException) as error:
        if not output[STATUS]:
            raise OperatorError(f"{what}: the stream broke: {error!r}") from error
    finally:
        _close(stream)
    out, err = (output[channel].decode(errors="replace") for channel in (STDOUT, STDERR))
    return Executed(_exit_code(output[STATUS], what), out, err)


def _exit_code(status: bytes, what: str) -> int:
    """Raises OperatorError when the command was never run."""
    try:
        told = json.loads(status)
    except ValueError:
        raise OperatorError(f"{what}: the stream ended without a status") from None
    if told.get("status") == "Success":
        return 0
    for cause in told.get("details", {}).get("causes", ()):
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise OperatorError(f"{what}: {told.get('message') or status.decode(errors='replace')}")


@contextmanager
def listen(configuration: Any, path: str, what: str) -> Iterator[str]:
    """A port of this machine whose connections go to the `portforward` at `path`; yields its base URL."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        forwards = _Forwards(configuration, path, what)
        threading.Thread(target=forwards.accept, args=(listener,), daemon=True).start()
        try:
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            # Closing alone does not wake a thread that is accepting.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            forwards.close()


class _Forwards:
    """The connections of one forwarded port, a thread and a websocket each."""

    def __init__(self, configuration: Any, path: str, what: str) -> None:
        self._configuration, self._path, self._what = configuration, path, what
        self._lock, self._open, self._closed = threading.Lock(), set[socket.socket](), False

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            with self._lock:
                if self._closed:
                    return
                self._open.add(connection)
            try:
                stream = _open(self._configuration, self._path, self._what)
                try:
                    _splice(connection, stream, self._what)
                finally:
                    _close(stream)
            except OperatorError as error:
                with suppress(OSError):
                    connection.sendall(_bad_gateway(str(error)))
            except (OSError, WebSocketException):
                pass  # One of the two sides is gone, and the other now learns of it.
            finally:
                with self._lock:
                    self._open.discard(connection)


def _splice(connection: socket.socket, stream: Any, what: str) -> None:
    """Pass on what comes from either side until one of them ends.

    Raises OperatorError when the kubelet says that it reaches no server, and nothing was passed on yet.
    """
    named, passed, sources = set[int](), False, [stream.sock, connection]
    while True:
        buffered = _is_buffered(stream)
        ready, _, _ = select.select(sources, [], [], 0 if buffered else None)
        if connection in ready:
            if not (sent := connection.recv(CHUNK)):
                return
            try:
                stream.send_binary(bytes([DATA]) + sent)
            except (OSError, WebSocketException):
                sources.remove(connection)  # What it said before it went is still to be read.
        if not buffered and stream.sock not in ready:
            continue
        message = _message(stream)
        if message is None:
            return
        if not message:
            continue
        channel, data = message[0], message[1:]
        if channel not in named:
            named.add(channel)
        elif channel == ERROR and data and not passed:
            raise OperatorError(f"{what}: {data.decode(errors='replace').strip()}")
        elif channel == DATA:
            connection.sendall(data)
            passed = True


def _open(configuration: Any, path: str, what: str) -> Any:
    """A websocket to the API server. Raises OperatorError with what it answered."""
    library: Any = ws_client
    headers = {one["key"]: one["value"] for one in configuration.auth_settings().values()}
    try:
        return library.create_websocket(
            configuration, library.get_websocket_url(configuration.host + path), headers
        )
    except (OSError, WebSocketException) as error:
        body = getattr(error, "resp_body", None)
        told = body.decode(errors="replace") if isinstance(body, bytes) else str(error)
        with suppress(ValueError, TypeError, KeyError):
            told = json.loads(told)["message"]
        raise OperatorError(f"{what}: {told}") from error


def _readable(stream: Any, deadline: float) -> bool:
    """True once something has come. Raises TimeoutError at the deadline."""
    left = max(0.0, deadline - time.monotonic())
    if _is_buffered(stream) or select.select([stream.sock], [], [], left)[0]:
        return True
    raise TimeoutError


def _is_buffered(stream: Any) -> bool:
    """Whether TLS has taken more from the network than was asked of it: no `select` tells of that."""
    return isinstance(stream.sock, ssl.SSLSocket) and stream.sock.pending() > 0


def _message(stream: Any) -> bytes | None:
    """The next message: its channel's number, then its data. None at the end, empty if it is no data."""
    opcode, frame = stream.recv_data_frame(True)
    if opcode == ABNF.OPCODE_CLOSE:
        return None
    return bytes(frame.data) if opcode in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) else b""


def _close(stream: Any) -> None:
    with suppress(OSError, WebSocketException):
        stream.close(timeout=1)


def _bad_gateway(text: str) -> bytes:
    body = text.encode()
    head = f"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body
