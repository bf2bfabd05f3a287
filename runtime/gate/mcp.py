"""The Agent's `mcp.json` in the working folder: the version for a primary or for a standby.

The daemon reads scheduled tasks from three places: its built-in ones, `mcp.json`, and `scheduler.json` on its
volume, which the company writes. An entry of `mcp.json` replaces every task with the same id; a task whose
trigger is `webhook` never runs. A missing or incomplete file would start the daemon's built-in tasks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runtime.gate.handover.roles import Role
from runtime.gate.storage.durable import write_atomically

MCP_FILE = "mcp.json"
SCHEDULER_FILE = "scheduler.json"


def write(role: Role, *, config: Path, volume: Path, work: Path) -> bool:
    """Write the role's version into `work`, if it differs. Returns whether it was written.

    Raises OSError or ValueError; the file is unchanged then.
    """
    text = (config / f"mcp.{role}.json").read_text()
    content = json.loads(text)
    target = work / MCP_FILE
    current = None if target.is_symlink() else _read(target)
    if role is not Role.PRIMARY:
        text = _without_tasks(content, _own_tasks(volume / SCHEDULER_FILE, current))
    if current == text:
        return False
    write_atomically(target, text.encode())
    return True


def _without_tasks(content: dict[str, Any], own: set[str]) -> str:
    """The standby's version, with the company's own tasks switched off as well."""
    tasks = list(content.get("scheduledTasks", []))
    own -= {task["id"] for task in tasks}
    tasks += [
        {"id": id, "name": id, "trigger": "webhook", "description": "Runs in the serving region only."}
        for id in sorted(own)
    ]
    return json.dumps({**content, "scheduledTasks": tasks}, indent=2)


def _own_tasks(scheduler: Path, current: str | None) -> set[str]:
    """Ids of the company's own tasks. While the company rewrites its file: those that are switched off
    now."""
    text = _read(scheduler)
    if text is None:
        return set()
    try:
        return _ids(json.loads(text)["tasks"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return _ids(json.loads(current or "{}").get("scheduledTasks", []))


def _ids(tasks: list[dict[str, Any]]) -> set[str]:
    return {task["id"] for task in tasks if isinstance(task.get("id"), str)}


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None
