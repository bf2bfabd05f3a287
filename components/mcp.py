"""The Agent's `mcp.json`, in two versions. The gate writes that of its role to the working directory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

SERVING, STANDBY = "mcp.serving.json", "mcp.standby.json"

BUILT_IN_TASKS = {
    "weekly_hr_review": "Weekly HR Review",
    "weekly_ecosystem_analysis": "Weekly Ecosystem Analysis",
    "weekly_context_personalization": "Weekly Context Personalization",
}
"""Tasks that the application schedules itself (source: its `src/scheduler/config.ts`, over all versions)."""


def mcp_files(servers: Mapping[str, str]) -> dict[str, str]:
    """Both versions. `servers` maps names to URLs, which the application opens as MCP over SSE.

    An entry with a built-in task's id replaces that task, and a webhook never fires by itself: so a standby
    runs no task. Tasks that a company adds later are on its volume; the gate overrides them in the same way.
    """
    silenced = [_silenced(task, name) for task, name in BUILT_IN_TASKS.items()]
    return {SERVING: _text(servers, []), STANDBY: _text(servers, silenced)}


def _silenced(task: str, name: str) -> dict[str, str]:
    return {
        "id": task,
        "name": name,
        "trigger": "webhook",
        "description": "Runs in the serving region only.",
    }


def _text(servers: Mapping[str, str], tasks: Sequence[Mapping[str, Any]]) -> str:
    urls = {name: {"url": url} for name, url in servers.items()}
    return json.dumps({"mcpServers": urls, "scheduledTasks": tasks}, indent=2)
