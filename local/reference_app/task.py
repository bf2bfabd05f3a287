"""Runs one task of the Agent, as a process of its own: it holds the MCP SDK in memory no longer than that.

JULES_TASK_DEF holds the task. Tasks are tool calls: `{"action": "mcp.call_tool", "args": {"server", "tool",
"arguments"}}`. The server `hr` is here, the others are where `mcp.json` says.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import hr, schedule
from .files import AGENT_FOLDER, DAEMON_LOG, DEFAULT_COMPANY, RefusedError, log

CALL_SECONDS = 60.0
ACTION = "mcp.call_tool"


def run(task: schedule.Task, work: Path) -> str:
    """The tool's answer. Raises RefusedError, or what the call raises."""
    if task.get("action") != ACTION:
        raise RefusedError(
            f"action {task.get('action')!r}: the reference application has no model; accepted: {ACTION}"
        )
    told = task["args"]
    company = task.get("company") or os.environ.get("JULES_COMPANY") or DEFAULT_COMPANY
    server, tool, arguments = told["server"], told["tool"], dict(told.get("arguments", {}))
    if server == "hr":
        return _hr(tool, arguments, company, work)
    return _call(server, tool, {**arguments, "company": company}, work)


def _hr(tool: str, arguments: Mapping[str, Any], company: str, work: Path) -> str:
    if tool == "propose_change":
        return hr.propose_change(work / AGENT_FOLDER, company, **arguments)
    if tool == "perform_weekly_review":
        asked = {"task_type": "sop_execution", "company": company}
        found = _call("brain", "recall_delegation_patterns", asked, work)
        title = "Weekly review of how procedures went"
        return hr.propose_change(work / AGENT_FOLDER, company, title=title, description=found)
    raise RefusedError(f"hr has no tool {tool!r}; accepted: propose_change, perform_weekly_review")


def _call(server: str, tool: str, arguments: Mapping[str, Any], work: Path) -> str:
    servers = schedule.servers(work)
    if server not in servers:
        raise RefusedError(
            f"{schedule.MCP_FILE}: mcpServers.{server}.url is missing; there are: {[*servers]}"
        )
    return asyncio.run(_asked(servers[server], tool, arguments))


async def _asked(url: str, tool: str, arguments: Mapping[str, Any]) -> str:
    from mcp import Client

    async with asyncio.timeout(CALL_SECONDS), Client(url, mode="legacy") as client:
        answer = await client.call_tool(tool, dict(arguments))
    text = "\n".join(part.text for part in answer.content if part.type == "text")
    if answer.is_error:
        raise RefusedError(f"{tool} at {url}: {text}")
    return text


def main() -> None:
    work, task = Path.cwd(), json.loads(os.environ["JULES_TASK_DEF"])
    try:
        log(f"[{task['name']}] {run(task, work)}", work / DAEMON_LOG)
    except Exception as error:
        while isinstance(error, ExceptionGroup):  # so the MCP SDK wraps what went wrong
            error = error.exceptions[0]
        log(f"[{task['name']}] failed: {type(error).__name__}: {error}", work / DAEMON_LOG)
        sys.exit(1)


if __name__ == "__main__":
    main()
