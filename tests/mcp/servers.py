"""The server as a process, and the official client."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from tests.drill.commands import stack_file
from tests.drill.scenarios import US
from tests.recording import ROOT
from tests.services import until

TOKEN = "0123456789abcdef0123456789abcdef"
OUTAGE = "simulate_regional_outage"


@dataclass
class Simulated:
    """A stack in a folder."""

    folder: Path
    stack: str = "local"

    def __post_init__(self) -> None:
        self.file = stack_file(self.folder, self.stack, ["globex"])
        (self.folder / "token").write_text(f"{TOKEN}\n")

    @property
    def hold(self) -> Path:
        """While it is there, an outage lasts."""
        return self.folder / "hold"

    @property
    def down(self) -> Path:
        """It is there while the region is down."""
        return self.folder / "down"

    @property
    def environment(self) -> dict[str, str]:
        return {"SIMULATED": str(self.folder)}

    def argv(self, mode: str, command: str, *more: str) -> list[str]:
        folders = ["--state", str(self.folder / "state")]
        return ["-m", "tests.mcp.simulated", mode, command, "--config", str(self.file), *folders, *more]

    @property
    def stdio(self) -> StdioServerParameters:
        argv = self.argv("server", "mcp", "--reports", str(self.folder / "drills"))
        return StdioServerParameters(command=sys.executable, args=argv, env=self.environment, cwd=ROOT)

    @contextmanager
    def http(self) -> Iterator[Http]:
        options = ["--http", "0", "--token-file", str(self.folder / "token")]
        argv = self.argv("server", "mcp", "--reports", str(self.folder / "drills"), *options)
        process = subprocess.Popen(
            [sys.executable, *argv],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        said = ""
        while not (match := re.search(r"http://127\.0\.0\.1:\d+/mcp", said)):
            line = process.stderr.readline()
            assert line, said
            said += line
        try:
            yield Http(process, match[0])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            process.stderr.close()

    def free(self) -> None:
        """The region is up, and no drill has the lock: a drill that was ended needs some time for both."""
        from ops.drill.journal import Journal
        from ops.errors import OperatorError

        def is_free() -> bool:
            try:
                with Journal(self.folder / "state" / "drill.json").locked():
                    return True
            except OperatorError:
                return False

        until(lambda: not self.down.exists() and is_free(), "the region is brought back")


@dataclass
class Http:
    process: subprocess.Popen[str]
    url: str

    @asynccontextmanager
    async def client(self, token: str = TOKEN, mode: str = "auto") -> AsyncIterator[Client]:
        headers: Any = {"Authorization": f"Bearer {token}".encode()}
        async with create_mcp_http_client(headers=headers) as sender:
            transport = streamable_http_client(self.url, http_client=sender)
            async with Client(transport, mode=mode) as client:
                yield client


async def result(client: Client, tool: str, **arguments: Any) -> Any:
    """The structured result of a call that succeeds."""
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    return answer.structured_content


async def refusal(client: Client, tool: str, **arguments: Any) -> str:
    """The text of a call that fails."""
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error
    return "\n".join(part.text for part in answer.content if part.type == "text")


async def token_of(client: Client, region: str = US, **arguments: Any) -> str:
    planned = await result(client, OUTAGE, region=region, **arguments)
    token: str = planned["confirmation_token"]
    return token


async def appears(path: Path, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not path.exists():
            await asyncio.sleep(0.05)


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(main())  # type: ignore[arg-type]
