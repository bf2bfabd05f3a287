"""Space that the gate keeps for itself, so that its records are written although the application has filled
the volume."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from runtime.gate.storage.durable import FULL
from runtime.gate.storage.files import remove

Result = TypeVar("Result")
RESERVE = ".gate-reserve"
"""At the top of the volume."""
LEAST = 4 << 20
"""Bytes: for the records and links of an upload pass."""


def keep(root: Path, size: int = LEAST) -> None:
    """Have at least that many bytes. Raises OSError when the volume has no space for them: then nothing has
    changed."""
    file = root / RESERVE
    if os.path.lexists(file) and not stat.S_ISREG(file.lstat().st_mode):
        remove(file)
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(file, flags, 0o600)
    try:
        kept = os.fstat(descriptor).st_size
        if kept < size:
            try:
                os.posix_fallocate(descriptor, 0, size)
            except OSError:
                os.ftruncate(descriptor, kept)
                raise
    finally:
        os.close(descriptor)


def keep_if_possible(root: Path) -> None:
    """Less than LEAST when the volume is almost full."""
    for halved in range(7):
        try:
            keep(root, LEAST >> halved)
            return
        except OSError as error:
            if error.errno not in FULL:
                raise


def with_reserve(root: Path, action: Callable[[], Result]) -> Result:
    """`action`, and when the volume is full again in the space that was kept. Raises what it raises."""
    try:
        return action()
    except OSError as error:
        if error.errno not in FULL or not release(root):
            raise
    return action()


def release(root: Path) -> bool:
    """Free the space, for what is written next. Returns whether there was any."""
    kept = os.path.lexists(root / RESERVE)
    remove(root / RESERVE)
    return kept
