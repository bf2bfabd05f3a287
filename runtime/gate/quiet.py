"""What an exchange waits for before it moves anything."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from pathlib import Path

from runtime.gate.volume import is_memory

POLL_SECONDS = 0.05


def locks(root: Path, component: str) -> list[Path]:
    """Those that the application holds: folders `*.lock`, as Node.js' proper-lockfile makes them (and leaves
    them when it dies), and files that are locked.
    """
    return [
        found
        for entry in root.iterdir()
        if is_memory(entry.name, component) and entry.is_dir()
        for found in entry.glob("**/*.lock")
        if _is_held(found)
    ]


def _is_held(lock: Path) -> bool:
    if lock.is_dir():
        return True
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # It is gone.
    return False


def wait(condition: Callable[[], bool], limit: float) -> None:
    """Until it holds, at most so many seconds: what is waited for is a courtesy."""
    deadline = time.monotonic() + limit
    while not condition() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def says(file: Path, id: str) -> bool:
    """Whether the gate of another replica has acknowledged this exchange there."""
    return file.exists() and file.read_text() == id
