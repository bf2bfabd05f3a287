"""Runs one task of the Agent in a process of its own, which frees the memory of the MCP SDK afterwards.

JULES_TASK_DEF has the task, a tool call: `{"action": "mcp.call_tool", "args": {"server", "tool",
"arguments"}}`. The server `hr` is built in; `mcp.json` has the URLs of the others, and headers such as
Authorization.
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
from .files import AGENT_FOLDER, DAEMON_LOG, DEFAULT_COMPANY, RejectedError, log

CALL_SECONDS = 60.0
"""For an answer, or the next progress notification."""
ACTION = "mcp.call_tool"


def run(task: schedule.Task, work: Path) -> str:
    """The tool's answer. Raises RejectedError, or the error of the call."""
    if task.get("action") != ACTION:
        raise RejectedError(
            f"action: must be {ACTION} (the reference application has no model); got {task.get('action')!r}"
        )
    call = task["args"]
    company = task.get("company") or os.environ.get("JULES_COMPANY") or DEFAULT_COMPANY
    server, tool, arguments = call["server"], call["tool"], dict(call.get("arguments", {}))
    if server == "hr":
        return _hr(tool, arguments, company, work)
    return _call(server, tool, arguments, company, work)


def _hr(tool: str, arguments: Mapping[str, Any], company: str, work: Path) -> str:
    if tool == "propose_change":
        return hr.propose_change(work / AGENT_FOLDER, company, **arguments)
    if tool == "perform_weekly_review":
        query = {"task_type": "sop_execution"}
        patterns = _call("brain", "recall_delegation_patterns", query, company, work)
        title = "Weekly review of how procedures went"
        return hr.propose_change(work / AGENT_FOLDER, company, title=title, description=patterns)
    raise RejectedError(f"tool of hr: must be one of propose_change, perform_weekly_review; got {tool!r}")


def _call(server: str, tool: str, arguments: Mapping[str, Any], company: str, work: Path) -> str:
    servers = schedule.servers(work)
    if server not in servers:
        raise RejectedError(
            f"{schedule.MCP_FILE}: mcpServers.{server}.url: missing (required); servers: {', '.join(servers)}"
        )
    return asyncio.run(_call_tool(servers[server], tool, arguments, company))


async def _call_tool(server: Mapping[str, Any], tool: str, arguments: Mapping[str, Any], company: str) -> str:
    """Tools that know companies get the task's."""
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async with (
        asyncio.timeout(CALL_SECONDS) as limit,
        httpx2.AsyncClient(headers=server.get("headers"), timeout=CALL_SECONDS) as http,
    ):

        async def extend(progress: float, total: float | None, message: str | None) -> None:
            limit.reschedule(asyncio.get_running_loop().time() + CALL_SECONDS)

        transport = streamable_http_client(server["url"], http_client=http)
        async with Client(transport, mode="legacy") as client:
            schemas = {each.name: each.input_schema for each in (await client.list_tools()).tools}
            if "company" in schemas.get(tool, {}).get("properties", {}):
                arguments = {**arguments, "company": company}
            answer = await client.call_tool(tool, dict(arguments), progress_callback=extend)
    text = "\n".join(part.text for part in answer.content if part.type == "text")
    if answer.is_error:
        raise RejectedError(f"{tool} at {server['url']}: {text}")
    return text


def main() -> None:
    work, task = Path.cwd(), json.loads(os.environ["JULES_TASK_DEF"])
    try:
        log(f"[{task['name']}] {run(task, work)}", work / DAEMON_LOG)
    except Exception as error:
        while isinstance(error, ExceptionGroup):  # the MCP SDK wraps errors in groups
            error = error.exceptions[0]
        log(f"[{task['name']}] failed: {type(error).__name__}: {error}", work / DAEMON_LOG)
        sys.exit(1)


if __name__ == "__main__":
    main()
