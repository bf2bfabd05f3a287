"""A TCP connection on which HTTP/1.1 is spoken, seen from one of its ends."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from http import HTTPStatus

from local.edge.http1 import BadMessage, Framing, Length

HEAD_BYTES = 65536
"""A longer head is refused; and so much of a body is held while the other side takes it slowly."""
PIECE_BYTES = 65536
LINGER_BYTES, LINGER_SECONDS = 2**20, 2.0
KEEPALIVE = {socket.TCP_KEEPIDLE: 2, socket.TCP_KEEPINTVL: 1, socket.TCP_KEEPCNT: 3}
"""Seconds until the first question, between two, and how many stay without an answer."""

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?\r\n", re.DOTALL)


class Reader(asyncio.StreamReader):
    """Tells `on_end`, if there is one, when the other side has closed."""

    def __init__(self) -> None:
        super().__init__(limit=HEAD_BYTES, loop=asyncio.get_running_loop())
        self.ended = False
        self.on_end: Callable[[], None] | None = None

    def feed_eof(self) -> None:
        super().feed_eof()
        self._tell()

    def set_exception(self, exc: Exception) -> None:
        super().set_exception(exc)
        self._tell()

    def _tell(self) -> None:
        self.ended = True
        if self.on_end is not None:
            self.on_end()


class Wire:
    """Every wait ends after `idle` seconds with TimeoutError. A connection that ends too early is an OSError
    as well; what is not HTTP is BadMessage.
    """

    def __init__(self, reader: Reader, writer: asyncio.StreamWriter, idle: float) -> None:
        self.reader, self._writer, self._idle = reader, writer, idle

    async def head(self) -> bytes | None:
        """The next message's head; None when the other side closed instead. Waits as long as it takes: the
        caller limits it.
        """
        try:
            return await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise ConnectionResetError("it ended within a head") from error
            return None
        except asyncio.LimitOverrunError as error:
            problem = f"a head of over {HEAD_BYTES} bytes"
            raise BadMessage(problem, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from error

    async def body(self, length: Length) -> AsyncIterator[bytes]:
        """The bytes of a body, as they come."""
        if length is Framing.CHUNKED:
            while size := self._size(await self._line()):
                async for piece in self._exactly(size):
                    yield piece
                if await self._line() != b"\r\n":
                    raise BadMessage("a chunk is longer than it says")
            while await self._line() != b"\r\n":
                pass  # Trailers are for this connection, unless both ends agreed on them.
        elif length is Framing.UNTIL_CLOSE:
            while piece := await self._some(PIECE_BYTES):
                yield piece
        else:
            async for piece in self._exactly(length):
                yield piece

    async def send(self, data: bytes) -> None:
        """Returns when the other side has taken enough of it that more may be sent."""
        self._writer.write(data)
        async with asyncio.timeout(self._idle):
            await self._writer.drain()

    @property
    def peer(self) -> str:
        """Address of the other side."""
        return str((self._writer.get_extra_info("peername") or ("unknown",))[0])

    def ask_whether_alive(self) -> None:
        """While nothing is sent, too: a network that was cut is noticed within 5 s."""
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE.items():
            connection.setsockopt(socket.IPPROTO_TCP, option, value)

    def abort(self) -> None:
        """At once; what was not sent is not sent."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Orderly: what was sent arrives. What still comes is read for a moment, or the system would take
        back what was sent.
        """
        with suppress(OSError):
            self._writer.write_eof()
            left = LINGER_BYTES
            async with asyncio.timeout(LINGER_SECONDS):
                while left > 0 and (data := await self.reader.read(PIECE_BYTES)):
                    left -= len(data)
        self._writer.close()
        with suppress(OSError):
            async with asyncio.timeout(self._idle):
                await self._writer.wait_closed()

    async def _exactly(self, length: int) -> AsyncIterator[bytes]:
        while length > 0:
            piece = await self._some(min(length, PIECE_BYTES))
            if not piece:
                raise ConnectionResetError(f"it ended {length} bytes too early")
            length -= len(piece)
            yield piece

    async def _some(self, most: int) -> bytes:
        async with asyncio.timeout(self._idle):
            return await self.reader.read(most)

    async def _line(self) -> bytes:
        try:
            async with asyncio.timeout(self._idle):
                return await self.reader.readuntil(b"\r\n")
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("it ended within a body") from error
        except asyncio.LimitOverrunError as error:
            raise BadMessage("no end of a chunk's line") from error

    @staticmethod
    def _size(line: bytes) -> int:
        match = _CHUNK_SIZE.fullmatch(line)
        if match is None:
            raise BadMessage(f"not a chunk's size: {line[:80]!r}")
        return int(match[1], 16)


async def connect(
    host: str, port: int, *, within: float, idle: float, trust: ssl.SSLContext | None = None
) -> Wire:
    """Raises TimeoutError after `within` seconds, or another OSError."""
    loop = asyncio.get_running_loop()
    reader = Reader()
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    async with asyncio.timeout(within):
        transport, _ = await loop.create_connection(lambda: protocol, host, port, ssl=trust)
    return Wire(reader, asyncio.StreamWriter(transport, protocol, reader, loop), idle)
