"""Small records and renames that are on the disk when the call returns."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from runtime.gate.files import sync_folder, write_atomically


def write_json(path: Path, told: Any) -> None:
    write_atomically(path, json.dumps(told, indent=0).encode())


def read_json(path: Path) -> Any:
    """What `write_json` wrote; None when there is nothing. Raises ValueError for anything else."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def sync_file(path: Path) -> None:
    """Put a file's content on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move(source: Path, target: Path) -> None:
    """Rename, and sync both folders."""
    os.rename(source, target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def remove(path: Path) -> None:
    """Remove a file, or a folder with everything in it; no matter whether it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
