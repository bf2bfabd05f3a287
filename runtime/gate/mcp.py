"""The Agent's `mcp.json`: which of its two forms stands in the working folder.

The daemon takes its scheduled tasks from three places: its own, `mcp.json`, and `scheduler.json` on its
volume, which the company itself writes. An entry of `mcp.json` replaces whatever has the same id; one whose
trigger is `webhook` never runs. A file that is missing or half-written would start the daemon's own tasks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runtime.gate.durable import write_atomically
from runtime.gate.roles import Role

MCP_FILE = "mcp.json"
SCHEDULER_FILE = "scheduler.json"


def place(role: Role, *, settings: Path, volume: Path, work: Path) -> bool:
    """Make `work` hold the form that fits the role. Returns whether it had to be written.

    Raises OSError or ValueError when that cannot be done; what stood there stays.
    """
    text = (settings / f"mcp.{role}.json").read_text()
    told = json.loads(text)
    target = work / MCP_FILE
    stands = None if target.is_symlink() else _read(target)
    if role is not Role.SERVING:
        text = _without_tasks(told, _own_tasks(volume / SCHEDULER_FILE, stands))
    if stands == text:
        return False
    write_atomically(target, text.encode())
    return True


def _without_tasks(told: dict[str, Any], own: set[str]) -> str:
    """The standby form, with the company's own tasks switched off as well."""
    tasks = list(told.get("scheduledTasks", []))
    own -= {task["id"] for task in tasks}
    tasks += [
        {"id": id, "name": id, "trigger": "webhook", "description": "Runs in the serving region only."}
        for id in sorted(own)
    ]
    return json.dumps({**told, "scheduledTasks": tasks}, indent=2)


def _own_tasks(scheduler: Path, stands: str | None) -> set[str]:
    """Ids of the company's own tasks. While it rewrites its file: those that are switched off now."""
    text = _read(scheduler)
    if text is None:
        return set()
    try:
        return _ids(json.loads(text)["tasks"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return _ids(json.loads(stands or "{}").get("scheduledTasks", []))


def _ids(tasks: list[dict[str, Any]]) -> set[str]:
    return {task["id"] for task in tasks if isinstance(task.get("id"), str)}


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None
