"""A client that simulates an outage, until it is killed: URL, mode, confirmation token."""

from __future__ import annotations

import asyncio
import sys

from tests.drill.scenarios import US
from tests.mcp.servers import OUTAGE, TOKEN, Http


async def main(url: str, mode: str, token: str) -> None:
    async with Http(None, url).client(TOKEN, mode) as client:  # type: ignore[arg-type]
        await client.call_tool(OUTAGE, {"region": US, "dry_run": False, "confirmation_token": token})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
