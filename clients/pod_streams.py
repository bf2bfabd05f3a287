"""Streams to pods: commands (`exec`) and forwarded ports, over the Kubernetes API's websockets."""

from __future__ import annotations

import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import urlencode

from kubernetes.stream import ws_client
from kubernetes.stream.ws_client import ERROR_CHANNEL, STDERR_CHANNEL, STDIN_CHANNEL, STDOUT_CHANNEL
from websocket import ABNF, WebSocketException

from clients.kubernetes_api import credentials

_library: Any = ws_client
LOOPBACK = "127.0.0.1"
CHUNK = 1 << 16
MESSAGES = (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT)
DATA, ERROR = 0, 1
"""Channels of a `portforward` of one port. The first message of each names the port."""


class StreamError(Exception):
    """A stream that could not be opened, or that broke: the text says which, and why."""


class Executed(NamedTuple):
    code: int
    out: str
    err: str


def execute(
    configuration: Any, namespace: str, pod: str, container: str, argv: Sequence[str], timeout: float
) -> Executed:
    """A command's exit code and output. Raises StreamError when it cannot be run or does not end in time."""
    what = f"exec in {namespace}/{pod}, container {container}"
    address = _exec_address(configuration, namespace, pod, container, argv)
    with _reported(what):
        stream = _library.WSClient(*address, capture_all=False, binary=True)
    broken, deadline = None, time.monotonic() + timeout
    try:
        while stream.is_open() and (left := deadline - time.monotonic()) > 0:
            stream.update(timeout=left)
        if stream.is_open():
            raise StreamError(f"{what}: it did not end in {timeout:g} s")
    except (OSError, WebSocketException) as error:
        broken = error
    finally:
        _close(stream)
    status, out, err = map(stream.read_channel, (ERROR_CHANNEL, STDOUT_CHANNEL, STDERR_CHANNEL))
    if broken and not status:
        raise StreamError(f"{what}: the stream broke: {broken!r}") from broken
    return Executed(_exit_code(status, what), out.decode(errors="replace"), err.decode(errors="replace"))


def _exit_code(status: bytes, what: str) -> int:
    """Raises StreamError when the command was never run."""
    try:
        result = json.loads(status)
    except ValueError:
        raise StreamError(f"{what}: the stream ended without a status") from None
    if result.get("status") == "Success":
        return 0
    for cause in result.get("details", {}).get("causes", ()):
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise StreamError(f"{what}: {result.get('message') or status.decode(errors='replace')}")


class Session:
    """A command in a container whose standard input stays open. Any thread may send."""

    def __init__(
        self, configuration: Any, namespace: str, pod: str, container: str, argv: Sequence[str]
    ) -> None:
        """Raises StreamError."""
        self._what = f"exec in {namespace}/{pod}, container {container}"
        self._sending, self._output = threading.Lock(), ""
        with _reported(self._what):
            address = _exec_address(configuration, namespace, pod, container, argv, stdin=True)
            self._stream = _library.create_websocket(*address)

    def send(self, data: bytes) -> None:
        """Raises StreamError."""
        with _reported(self._what), self._sending:
            self._stream.send_binary(bytes([STDIN_CHANNEL]) + data)

    def wait_for(self, line: str, limit: float) -> None:
        """Until the command has printed the line. Raises StreamError when it ends, or after `limit` s."""
        deadline = time.monotonic() + limit
        with _reported(self._what):
            while line not in self._output.split("\n")[:-1]:
                self._stream.settimeout(max(0.1, deadline - time.monotonic()))
                opcode, frame = self._stream.recv_data_frame(True)
                if opcode == ABNF.OPCODE_CLOSE or time.monotonic() > deadline:
                    raise StreamError(f"{self._what}: the command ended: {self._output.strip()}")
                channel = frame.data[0] if opcode in MESSAGES and frame.data else None
                if channel in (STDOUT_CHANNEL, STDERR_CHANNEL):
                    self._output += bytes(frame.data[1:]).decode(errors="replace")

    def close(self) -> None:
        _close(self._stream)


@contextmanager
def forward(configuration: Any, namespace: str, pod: str, port: int) -> Iterator[str]:
    """The base URL at which a pod's port answers on this machine. A connection that does not get there is
    answered with status 502 and a text that says why.
    """
    with socket.create_server((LOOPBACK, 0)) as listener:
        forwards = _Forwards(configuration, namespace, pod, port)
        threading.Thread(target=forwards.accept, args=(listener,), daemon=True).start()
        try:
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            # Closing alone does not wake a thread that is accepting.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            forwards.close()


class _Forwards:
    """The connections of one forwarded port, a thread and a websocket each.

    Not the library's PortForward: when its websocket breaks, its thread dies and its sockets stay open.
    """

    def __init__(self, configuration: Any, namespace: str, pod: str, port: int) -> None:
        self._target = configuration, namespace, pod, "portforward", [("ports", str(port))]
        self._what = f"port {port} of {namespace}/{pod}"
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
                with _reported(self._what):
                    stream = _library.create_websocket(*_address(*self._target))
                try:
                    _splice(connection, stream, self._what)
                finally:
                    _close(stream)
            except StreamError as error:
                with suppress(OSError):
                    connection.sendall(_bad_gateway(str(error)))
            except (OSError, WebSocketException):
                pass  # One of the two sides is gone, and the other now learns of it.
            finally:
                with self._lock:
                    self._open.discard(connection)


def _splice(connection: socket.socket, stream: Any, what: str) -> None:
    """Pass on what comes from either side until one of them ends.

    Raises StreamError when the kubelet says that it reaches no server, and nothing was passed on yet.
    """
    named, passed, sources = set[int](), False, [stream.sock, connection]
    while True:
        # TLS may have taken more from the network than was read: `select` does not see that.
        buffered = isinstance(stream.sock, ssl.SSLSocket) and stream.sock.pending() > 0
        ready, _, _ = select.select(sources, [], [], 0 if buffered else None)
        if connection in ready:
            if not (sent := connection.recv(CHUNK)):
                return
            try:
                stream.send_binary(bytes([DATA]) + sent)
            except (OSError, WebSocketException):
                sources.remove(connection)  # What the pod said before it went is still to be read.
        if not buffered and stream.sock not in ready:
            continue
        opcode, frame = stream.recv_data_frame(True)
        if opcode == ABNF.OPCODE_CLOSE:
            return
        if opcode not in MESSAGES or not frame.data:
            continue
        channel, data = frame.data[0], bytes(frame.data[1:])
        if channel not in named:
            named.add(channel)
        elif channel == ERROR and data and not passed:
            raise StreamError(f"{what}: {data.decode(errors='replace').strip()}")
        elif channel == DATA:
            connection.sendall(data)
            passed = True


def _exec_address(
    configuration: Any,
    namespace: str,
    pod: str,
    container: str,
    argv: Sequence[str],
    *,
    stdin: bool = False,
) -> tuple[Any, str, dict[str, str]]:
    streams = ["stdin"] * stdin + ["stdout", "stderr"]
    query = [("container", container), *((name, "1") for name in streams)]
    return _address(configuration, namespace, pod, "exec", [*query, *(("command", word) for word in argv)])


def _address(
    configuration: Any, namespace: str, pod: str, kind: str, query: Sequence[tuple[str, str]]
) -> tuple[Any, str, dict[str, str]]:
    """Configuration, URL and headers, as the library takes them."""
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/{kind}?{urlencode(query)}"
    url = _library.get_websocket_url(configuration.host + path)
    return configuration, url, credentials(configuration)


@contextmanager
def _reported(what: str) -> Iterator[None]:
    """Turn a refusal by the API server into a StreamError that quotes it."""
    try:
        yield
    except (OSError, WebSocketException) as error:
        body = getattr(error, "resp_body", None)
        message = body.decode(errors="replace") if isinstance(body, bytes) else str(error)
        with suppress(ValueError, TypeError, KeyError):
            message = json.loads(message)["message"]
        raise StreamError(f"{what}: {message}") from error


def _close(stream: Any) -> None:
    with suppress(OSError, WebSocketException):
        stream.close(timeout=1)


def _bad_gateway(text: str) -> bytes:
    body = text.encode()
    head = f"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body
