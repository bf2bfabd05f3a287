"""A node's control groups (version 1 and 2), created before the node starts and removed after its end."""

from __future__ import annotations

import os
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
CPUSET_FILES = ("cpuset.cpus", "cpuset.mems")
REMOVE_SECONDS = 10.0
POLL_SECONDS = 0.05


def create(name: str) -> None:
    """Create the group in every hierarchy. Raises OSError where that is not allowed."""
    for hierarchy in _hierarchies():
        folder = hierarchy / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder.relative_to(hierarchy)
        for group in [*reversed(path.parents[:-1]), path]:
            for file in CPUSET_FILES:
                # Version 1: a new group has no CPUs and memory nodes; it takes those of its parent.
                own = hierarchy / group / file
                if hierarchy.name.startswith("cpuset") and not own.read_text().strip():
                    own.write_text((own.parent.parent / file).read_text())


def remove(name: str) -> None:
    """Remove the group and its children. Raises OSError while a process is in one of them."""
    for hierarchy in _hierarchies():
        folders = [Path(path) for path, _, _ in os.walk(hierarchy / name, topdown=False)]
        for folder in folders:
            _remove(folder)


def read_only() -> list[Path]:
    """The hierarchies in which no group can be created."""
    return [folder for folder in _hierarchies() if not os.access(folder, os.W_OK)] or (
        [] if ROOT.exists() else [ROOT]
    )


def _remove(folder: Path) -> None:
    """Tries again for REMOVE_SECONDS: the kernel may still count killed processes."""
    deadline = time.monotonic() + REMOVE_SECONDS
    while True:
        try:
            folder.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)


def _hierarchies() -> list[Path]:
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    if not ROOT.exists():
        return []
    return sorted(folder for folder in ROOT.iterdir() if folder.is_dir() and not folder.is_symlink())
