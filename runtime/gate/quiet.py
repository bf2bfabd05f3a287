"""What an exchange waits for before it moves anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from runtime.gate.volume import is_memory

POLL_SECONDS = 0.05


def locks(root: Path, component: str) -> list[Path]:
    """Those that the application holds, or has left behind."""
    return [
        found
        for entry in root.iterdir()
        if is_memory(entry.name, component) and entry.is_dir()
        for pattern in ("**/*.lock", "**/locks/*")
        for found in entry.glob(pattern)
    ]


def wait(condition: Callable[[], bool], limit: float) -> None:
    """Until it holds, at most so many seconds: what is waited for is a courtesy."""
    deadline = time.monotonic() + limit
    while not condition() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def says(file: Path, id: str) -> bool:
    """Whether the gate of another replica has acknowledged this exchange there."""
    return file.exists() and file.read_text() == id
