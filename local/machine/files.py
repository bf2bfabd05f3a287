"""Locks and atomic files: what the builder and the services share."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

Progress = Callable[[str], None]
"""Takes one line of text for the person who waits."""

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_STATE = REPOSITORY / ".local"
"""The state folder of this checkout's local target."""

LOCK_POLL_SECONDS = 0.1
LOCK_REPORT_SECONDS = 5.0


class LocalError(RuntimeError):
    """Something of the local target failed; the message is for the person who ran it, no traceback needed."""


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Write `text` so that who reads `path`, also after a crash, sees the old or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def source_digest(patterns: Iterable[str], *others: Path) -> str:
    """Of the repository's files that match, and of others: a daemon of other sources is restarted."""
    sources = (file for pattern in patterns for file in sorted(REPOSITORY.glob(pattern)))
    return hashlib.sha256(b"".join(file.read_bytes() for file in (*sources, *others))).hexdigest()[:16]


@contextmanager
def locked(path: Path, progress: Progress, reason: str) -> Iterator[IO[bytes]]:
    """Hold the file lock `path` (made if missing); the kernel frees it when its last holder ends, however it
    ends.

    While another process holds it, `progress` says that this one waits, and for what (`reason`).
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
