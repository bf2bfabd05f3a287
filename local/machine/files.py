"""Locks, atomic files, and what every part of `local` shares."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

Progress = Callable[[str], None]
"""Shows one line of text to the user."""

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_STATE = REPOSITORY / ".local"
"""The state folder of this checkout."""

LOG_LINES = 15
LOCK_POLL_SECONDS = 0.1
LOCK_REPORT_SECONDS = 5.0


class LocalError(RuntimeError):
    """Something failed; the message is for the user and needs no traceback."""


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """A reader of `path` sees the old text or the new text, never a part, even after a crash."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def source_digest(patterns: Iterable[str], *others: Path) -> str:
    """A digest of files of the repository and of others. A changed digest restarts a daemon."""
    sources = (file for pattern in patterns for file in sorted(REPOSITORY.glob(pattern)))
    return hashlib.sha256(b"".join(file.read_bytes() for file in (*sources, *others))).hexdigest()[:16]


def end_of(log: Path) -> str:
    """The last lines of a log, for an error message."""
    return f"the end of {log}:\n" + tail(log.read_text(errors="replace") if log.exists() else "")


def tail(text: str) -> str:
    """The last lines."""
    return "\n".join(text.splitlines()[-LOG_LINES:])


@contextmanager
def locked(path: Path, progress: Progress, reason: str) -> Iterator[IO[bytes]]:
    """Hold the file lock `path`. The kernel frees the lock when its last holder ends, even by SIGKILL.

    While another process holds the lock, `progress` shows `reason` every LOCK_REPORT_SECONDS.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        began = time.monotonic()
        reported = float("-inf")
        while not _try_lock(stream):
            if time.monotonic() - reported >= LOCK_REPORT_SECONDS:
                reported = time.monotonic()
                progress(f"waiting for another run: {reason} ({reported - began:.0f} s)")
            time.sleep(LOCK_POLL_SECONDS)
        yield stream


def _try_lock(stream: IO[bytes]) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
