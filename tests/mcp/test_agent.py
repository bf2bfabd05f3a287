"""The reference Agent as a Security Monitor: its tasks call the server's tools."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.drill.scenarios import US
from tests.mcp.servers import OUTAGE, TOKEN, Simulated
from tests.reference_app.programs import AGENT, running
from tests.reference_app.test_agent import every_second, log_of
from tests.services import until


def give(work: Path, url: str, token: str, *tasks: dict[str, Any]) -> None:
    server = {"url": url, "headers": {"Authorization": f"Bearer {token}"}}
    content = {"mcpServers": {"platform": server}, "scheduledTasks": tasks}
    (work / "mcp.json.new").write_text(json.dumps(content))
    (work / "mcp.json.new").replace(work / "mcp.json")


def test_an_agent_plans_an_outage_and_simulates_it(simulated: Simulated, tmp_path: Path) -> None:
    work = tmp_path / "agent"
    work.mkdir()

    def said(text: str) -> bool:
        return bool(re.search(text, log_of(work)))

    with simulated.http() as server, running(AGENT, work, JULES_COMPANY="acme"):
        give(work, server.url, TOKEN, every_second("plan", "platform", OUTAGE, region=US))
        until(lambda: said(r'"confirmation_token": "local/'), "the dry run has returned a token")
        token = re.findall(r'"confirmation_token": "([^"]+)"', log_of(work))[-1]
        simulate = every_second(
            "simulate", "platform", OUTAGE, region=US, dry_run=False, confirmation_token=token
        )
        give(work, server.url, TOKEN, simulate)
        until(lambda: said(r"6 StatefulSets scaled to 0; 6 StatefulSets scaled back"), "the outage has ended")
        until(lambda: said(r"\[simulate\] failed: .*was used already"), "a second run is refused")
        points = every_second("points", "platform", "get_drill_report")
        give(work, server.url, "f" * 32, points)
        until(lambda: said(r"\[points\] failed"), "a wrong token is refused")
        give(work, server.url, TOKEN, points)
        until(lambda: said(r'\[points\] \{\s*"name"'), "it reads the report")
    assert len(list((simulated.folder / "drills").glob("*.json"))) == 1
