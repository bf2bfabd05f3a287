"""The process that serves MCP for a program. It starts with the first call and ends a minute after the last.

The MCP SDK takes 45 MB and LanceDB 75 MB more. A standby region has no calls.

    python -m reference_app.worker <module> <descriptor of a listening socket>
"""

from __future__ import annotations

import functools
import importlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .files import RejectedError, log

if TYPE_CHECKING:
    from mcp.server import MCPServer

IDLE_SECONDS = 60.0


class Worker:
    """Starts the process for a connection, and ends it after IDLE_SECONDS without connections."""

    def __init__(self, module: str, idle_seconds: float = IDLE_SECONDS) -> None:
        """`module` of this package has a function `server`."""
        self._module = module
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._address: bytes | str = b""
        self._connections = 0
        self._used = 0.0

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        """A connection to the process; data waits while it starts. Raises OSError when the process ends."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._end()
                self._start()
            self._connections += 1
        try:
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(self._address)
                yield peer
        finally:
            with self._lock:
                self._connections -= 1
                self._used = time.monotonic()

    def end_if_idle(self) -> None:
        with self._lock:
            if not self._connections and time.monotonic() - self._used > self._idle_seconds:
                self._end()

    def _end(self) -> None:
        """Without connections: all data is on disk."""
        if self._process is not None:
            with self._process:
                self._process.kill()
            self._process = None

    def _start(self) -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("")  # Linux chooses a name in the abstract namespace
            listener.listen(128)
            self._address = listener.getsockname()
            self._process = subprocess.Popen(
                command("worker", self._module, str(listener.fileno())),
                stdin=subprocess.PIPE,  # the process ends when this one does
                pass_fds=[listener.fileno()],
                env=environment(),
            )


def command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this package, in any working directory with `environment`."""
    return [sys.executable, "-m", f"{__package__}.{module}", *arguments]


def environment(**more: str) -> dict[str, str]:
    root = Path(__file__).resolve().parents[len(str(__package__).split("."))]
    path = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), **more}


def server_of(name: str, tools: Sequence[Callable[..., str]]) -> MCPServer:
    """An MCP server with these functions as its tools."""
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError

    def wrapped(tool: Callable[..., str]) -> Callable[..., str]:
        @functools.wraps(tool)
        def call(**arguments: object) -> str:
            log(f"{name}: {tool.__name__}, company {arguments.get('company') or 'none'}")
            try:
                return tool(**arguments)
            except RejectedError as error:
                raise ToolError(str(error)) from error

        return call

    server = MCPServer(name, version="1.0.0", log_level="WARNING")
    for tool in tools:
        server.add_tool(wrapped(tool), structured_output=False)
    return server


def main(module: str, descriptor: int) -> None:
    import uvicorn
    from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
    from starlette.routing import Route

    server: MCPServer = importlib.import_module(f".{module}", __package__).server()
    application = server.streamable_http_app(
        streamable_http_path="/messages", stateless_http=True, host="0.0.0.0"
    )
    application.router.routes.append(Route("/sse", StreamableHTTPASGIApp(server.session_manager)))
    config = uvicorn.Config(application, log_level="warning", lifespan="on")
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    main(sys.argv[1], int(sys.argv[2]))
