"""Space that the gate keeps for itself, so that its records are written although the application has filled
the volume."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from runtime.gate.storage.durable import FULL

RESERVE = ".gate-reserve"
"""At the top of the volume."""
LEAST = 4 << 20
"""Bytes: for the records and links of an upload pass."""


def keep(root: Path, size: int = LEAST) -> None:
    """Have at least that many bytes. Raises OSError when the volume has no space for them: then nothing is
    kept."""
    file = root / RESERVE
    if file.exists() and file.stat().st_size >= size:
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError:
        file.unlink()
        raise
    finally:
        os.close(descriptor)


def keep_if_possible(root: Path) -> None:
    try:
        keep(root)
    except OSError as error:
        if error.errno not in FULL:
            raise


def release(root: Path) -> bool:
    """Free the space, for what is written next. Returns whether there was any."""
    with suppress(FileNotFoundError):
        (root / RESERVE).unlink()
        return True
    return False
