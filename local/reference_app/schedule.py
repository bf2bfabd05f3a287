"""The Agent's tasks: built-in tasks, tasks of `mcp.json`, and the company's tasks on the volume."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Task = Mapping[str, Any]
"""The application's format: id, name, trigger, and the fields of the trigger."""

MCP_FILE = "mcp.json"
SCHEDULER_FILE = ".agent/scheduler.json"


def _weekly(id: str, name: str, hour: int, server: str, tool: str, **arguments: str) -> Task:
    call = {"server": server, "tool": tool, "arguments": arguments}
    when = {"trigger": "cron", "schedule": f"0 {hour} * * 0"}
    return {"id": id, "name": name, **when, "action": "mcp.call_tool", "args": call}


BUILT_IN = (
    _weekly("weekly_hr_review", "Weekly HR Review", 12, "hr", "perform_weekly_review"),
    _weekly(
        "weekly_ecosystem_analysis",
        "Weekly Ecosystem Analysis",
        13,
        "brain",
        "recall_delegation_patterns",
        task_type="sop_execution",
    ),
)


def load(work: Path, report: Callable[[str], None]) -> list[Task]:
    """For the same id, `mcp.json` wins over the built-in task, and both win over the volume."""
    built_in = {task["id"]: task for task in BUILT_IN}
    configured = _read(work / MCP_FILE, "scheduledTasks", report)
    on_volume = _read(work / SCHEDULER_FILE, "tasks", report)
    return list({**on_volume, **built_in, **configured}.values())


def servers(work: Path) -> dict[str, Mapping[str, Any]]:
    """MCP servers by name, with `url` and perhaps `headers`. Raises OSError or ValueError when `mcp.json` is
    missing or invalid."""
    configured = json.loads((work / MCP_FILE).read_text()).get("mcpServers", {})
    return {name: server for name, server in configured.items() if "url" in server}


def _read(path: Path, key: str, report: Callable[[str], None]) -> dict[str, Task]:
    try:
        entries = json.loads(path.read_text()).get(key, [])
        return {entry["id"]: {"name": entry["id"], **entry} for entry in entries}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        report(f"Error reading {path.name}: {type(error).__name__}: {error}")
        return {}
