"""An agent on the local cluster: it reads the status, validates, and simulates outages."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters

from tests.mcp.servers import OUTAGE, result, run, token_of
from tests.nodes.conftest import ROOT, Stack, environment

US = "us-east-1"
CALM_SECONDS = 600.0


async def calm(client: Client) -> Any:
    """The status once there is nothing to look at."""
    async with asyncio.timeout(CALM_SECONDS):
        while (found := await result(client, "get_status"))["alarms"]:
            await asyncio.sleep(2)
    return found


async def injected(journal: Path) -> None:
    async with asyncio.timeout(CALM_SECONDS):
        while not any(entry["what"] == "scale" for entry in entries(journal)):
            await asyncio.sleep(0.2)


def entries(journal: Path) -> list[Any]:
    found: list[Any] = json.loads(journal.read_text())["entries"] if journal.exists() else []
    return found


async def looked_at(client: Client) -> None:
    found = await calm(client)
    roles = {
        (each["company"], each["region"]): {gate["role"] for gate in each["gates"]}
        for each in found["companies"]
    }
    assert "serving" in roles["client-a", US]
    checked = await result(client, "run_validation")
    assert checked["passed"], [each for each in checked["checks"] if each["status"] == "failed"]


async def call(client: Client) -> dict[str, Any]:
    return {"region": US, "dry_run": False, "confirmation_token": await token_of(client)}


async def whole_outage(client: Client) -> None:
    lines: list[str] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        lines.append(message or "")

    answer = await client.call_tool(OUTAGE, await call(client), progress_callback=progress)
    assert not answer.is_error, answer.content
    report = (answer.structured_content or {})["report"]
    assert report["problems"] == [] and report["runs"][0]["done"]
    assert any("flag set" in line for line in lines)
    assert await result(client, "get_drill_report") == report
    points = (await result(client, "list_restore_points", company="client-a"))["points"]
    assert any(each["complete"] for each in points)  # the drill has stored something


def test_an_agent_simulates_an_outage_and_one_that_goes_away_leaves_no_region_down(
    stack: Stack, tmp_path: Path
) -> None:
    _, *argv = stack.command("ops", "mcp", "--stack", "local", "--reports", str(tmp_path))
    server = StdioServerParameters(command=sys.executable, args=argv, env=dict(environment()), cwd=ROOT)
    journal = stack.state / "drill.json"

    async def main() -> None:
        async with Client(server) as client:
            await looked_at(client)
            gone = asyncio.create_task(client.call_tool(OUTAGE, await call(client)))
            await injected(journal)
        gone.cancel()
        async with Client(server) as client:
            await calm(client)
            assert not any(entry["what"] == "scale" for entry in entries(journal))
            await whole_outage(client)
            await calm(client)

    run(main)
    assert "nothing" in stack.succeed("ops", "drill", "--restore")
