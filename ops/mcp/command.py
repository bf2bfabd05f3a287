"""`python -m ops mcp`: an MCP server for agents and assistants: status, validation, outage drills.

It speaks over standard input and output, or with `--http` on this machine's loopback address to clients that
send the token of `--token-file` (Authorization: Bearer). Every tool but simulate_regional_outage only reads.
A simulated outage is put back when its caller goes away, and when this server is ended.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops import aws, cluster_access
from ops import stack as stacks
from ops.errors import DONE, INTERRUPTED, WRONG_CALL, OperatorError
from ops.probing.signals import NUMBERS
from ops.terminal import complain

if TYPE_CHECKING:
    # The SDK takes a second to load: only this command pays for it.
    from mcp.server import MCPServer

    from ops.mcp.commands import Commands

LOOPBACK = "127.0.0.1"
CLOSING_SECONDS = 1
"""For open answers, when the server is ended."""
WAIT = "wait: the simulated outage is being put back"


def add_arguments(command: argparse.ArgumentParser) -> None:
    stacks.add_arguments(command)
    aws.add_arguments(command)
    cluster_access.add_arguments(command)
    command.add_argument(
        "--http",
        type=int,
        metavar="PORT",
        help="streamable HTTP at http://127.0.0.1:PORT/mcp (default: stdio)",
    )
    command.add_argument(
        "--token-file", type=Path, metavar="FILE", help="with --http: the file with the clients' bearer token"
    )
    command.add_argument(
        "--reports", type=Path, default=Path("drills"), help="folder of the drills' reports (default: drills)"
    )


def run(arguments: argparse.Namespace) -> int:
    if find_spec("mcp") is None:
        install = ".venv/bin/pip install -r requirements-dev.txt"
        raise OperatorError(f"the MCP SDK is not installed. Run: {install}", WRONG_CALL)
    from ops.mcp.bearer import FileToken, read_token
    from ops.mcp.commands import Commands
    from ops.mcp.outages import Outages
    from ops.mcp.server import Tools, server_of

    if (arguments.http is None) != (arguments.token_file is None):
        raise OperatorError("--http and --token-file: each is required with the other", WRONG_CALL)
    if arguments.token_file is not None:
        read_token(arguments.token_file)
    stack = stacks.load(arguments)
    commands = Commands()
    outages = Outages(arguments, commands)
    tools = Tools(arguments, commands, outages)
    for number in NUMBERS:
        signal.signal(number, lambda *_: _end(commands))
    outages.put_back_leftovers(stack)
    try:
        if arguments.http is None:
            server_of(tools).run("stdio")
        else:
            _serve_http(server_of(tools, FileToken(arguments.token_file)), arguments.http, stack.name)
    finally:
        if commands.end(WAIT):
            complain("the simulated outage is put back")
    return DONE


def _serve_http(server: MCPServer[Any], port: int, stack: str) -> None:
    import uvicorn

    try:
        listener = socket.create_server((LOOPBACK, port))
    except (OSError, OverflowError) as error:
        raise OperatorError(f"--http: cannot listen at {LOOPBACK}:{port}: {error}", WRONG_CALL) from error
    complain(f"stack {stack}: MCP at http://{LOOPBACK}:{listener.getsockname()[1]}/mcp")
    config = uvicorn.Config(
        server.streamable_http_app(host=LOOPBACK),
        log_level="warning",
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _end(commands: Commands) -> None:
    """A signal ends the process here: a thread of the SDK may wait for standard input for ever."""
    for number in NUMBERS:
        signal.signal(number, signal.SIG_IGN)
    commands.end(WAIT)
    os._exit(INTERRUPTED)
