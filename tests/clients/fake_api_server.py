"""The part of an API server that streams: websockets for `exec` and `portforward`."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


class Stream:
    """The server's side of a websocket."""

    def __init__(self, connection: socket.socket, target: str) -> None:
        self._connection = connection
        self.target = target

    def send(self, channel: int, data: bytes, *, opcode: int = BINARY) -> None:
        self._frame(opcode, bytes([channel]) + data)

    def ping(self) -> None:
        self._frame(PING, b"")

    def close(self) -> None:
        self._frame(CLOSE, struct.pack("!H", 1000))

    def receive(self) -> bytes | None:
        """The next message; None at the end."""
        while (head := self._exactly(2)) is not None:
            length = head[1] & 127
            if length == 126:
                length = struct.unpack("!H", self._exactly(2) or b"\0\0")[0]
            elif length == 127:
                length = struct.unpack("!Q", self._exactly(8) or bytes(8))[0]
            mask = self._exactly(4) or bytes(4)
            data = self._exactly(length) or b""
            opcode = head[0] & 15
            if opcode == CLOSE:
                return None
            if opcode in (TEXT, BINARY):
                return bytes(byte ^ mask[number % 4] for number, byte in enumerate(data))
        return None

    def _frame(self, opcode: int, data: bytes) -> None:
        size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack("!H", len(data))
        self._connection.sendall(bytes([128 | opcode]) + size + data)

    def _exactly(self, count: int) -> bytes | None:
        found = b""
        while len(found) < count:
            chunk = self._connection.recv(count - len(found))
            if not chunk:
                return None
            found += chunk
        return found


class Api:
    """Gives every stream to `serve`; with `refusal`, answers with that status and message instead."""

    def __init__(self, serve: Callable[[Stream], None], refusal: tuple[int, str] | None = None) -> None:
        self._serve, self._refusal = serve, refusal
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.heads: list[str] = []
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def configuration(self) -> Any:
        """As `kubernetes.client.Configuration` says where the server is, and who asks."""
        return SimpleNamespace(
            host=f"http://127.0.0.1:{self._listener.getsockname()[1]}",
            auth_settings=lambda: {"BearerToken": {"key": "authorization", "value": "Bearer it-is-me"}},
            verify_ssl=False,
            cert_file=None,
            key_file=None,
            tls_server_name=None,
            proxy=None,
            proxy_headers=None,
        )

    def close(self) -> None:
        # Closing alone does not wake a thread that is accepting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._accepted, args=(connection,), daemon=True).start()

    def _accepted(self, connection: socket.socket) -> None:
        with connection:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += connection.recv(1)
            self.heads.append(head.decode())
            if self._refusal:
                status, message = self._refusal
                body = json.dumps({"kind": "Status", "message": message})
                answer = f"HTTP/1.1 {status} No\r\nContent-Length: {len(body)}\r\n\r\n{body}"
                connection.sendall(answer.encode())
                return
            lines = (line.partition(": ") for line in head.decode().splitlines()[1:])
            fields = {name.lower(): value for name, _, value in lines}
            digest = hashlib.sha1((fields["sec-websocket-key"] + GUID).encode()).digest()
            accept, protocol = (
                base64.b64encode(digest).decode(),
                fields["sec-websocket-protocol"].split(",")[-1],
            )
            connection.sendall(
                (
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
                ).encode()
            )
            stream = Stream(connection, head.decode().split(" ")[1])
            with suppress(OSError):
                self._serve(stream)
                # What lies unread when a connection is closed takes back what was sent on it.
                while stream.receive() is not None:
                    continue
