"""The Agent's `mcp.json` in the working folder: the version for a primary or for a standby.

The daemon reads scheduled tasks from three places: its built-in ones, `mcp.json`, and `scheduler.json` on its
volume, which the company writes. An entry of `mcp.json` replaces every task with the same id; a task whose
trigger is `webhook` never runs. A missing or incomplete file would start the daemon's built-in tasks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runtime import documents
from runtime.gate.handover.roles import Role
from runtime.gate.storage.durable import write_atomically
from runtime.gate.storage.files import read_below

MCP_FILE = "mcp.json"
SCHEDULER_FILE = "scheduler.json"
LARGEST = 4 << 20
"""Bytes of either."""


def write(role: Role, *, config: Path, volume: Path, work: Path) -> bool:
    """Write the role's version into `work`, if it differs. Returns whether it was written.

    Raises OSError or ValueError; the file is unchanged then.
    """
    text = (config / f"mcp.{role}.json").read_text()
    content = json.loads(text)
    current = _read(work, MCP_FILE)
    if role is not Role.PRIMARY:
        text = _without_tasks(content, _own_tasks(volume, current))
    if current == text.encode():
        return False
    write_atomically(work / MCP_FILE, text.encode())
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


def _own_tasks(volume: Path, current: bytes | None) -> set[str]:
    """Ids of the company's own tasks. While the company rewrites its file: those that are switched off
    now."""
    text = _read(volume, SCHEDULER_FILE)
    if text is None:
        return set()
    try:
        return _ids(text, "tasks")
    except ValueError:
        return _ids(current, "scheduledTasks") if current else set()


def _ids(text: bytes, key: str) -> set[str]:
    """Raises ValueError for anything but an object with a list of tasks."""
    tasks = documents.parse(text, key, limit=LARGEST).objects(key)
    return {task.text("id") for task in tasks if task.has("id")}


def _read(folder: Path, name: str) -> bytes | None:
    """None when there is no regular file of this name. Raises OSError for one that is too large."""
    try:
        return read_below(folder, name, limit=LARGEST)
    except FileNotFoundError:
        return None
