"""Before a swap moves files, no application may run: this pod's is stopped, the other replicas' gates
acknowledge that they stopped theirs."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from pathlib import Path

from runtime.gate.application import Application
from runtime.gate.restore.swap_state import is_swapping, read_journal
from runtime.gate.snapshot.volume import GATE_FOLDER, is_active_file, is_lock
from runtime.gate.storage import durable
from runtime.gate.storage.files import open_below, read_regular, remove

ACK = "stopped-"
"""Prefix of the files, one a replica, that contain the id of an acknowledged swap."""
LARGEST_ACK = 4096
LOCK_SECONDS = 10.0
ACK_SECONDS = 15.0
POLL_SECONDS = 0.05


def quiesce(root: Path, component: str, application: Application, *, swap: str, replicas: int) -> None:
    """Wait a while for the application's locks, stop it, wait a while for the other replicas."""
    if application.running():
        wait(lambda: not held_locks(root, component), LOCK_SECONDS)
        application.stop()
    others = [root / GATE_FOLDER / f"{ACK}{ordinal}" for ordinal in range(1, replicas)]
    wait(lambda: all(_has_acknowledged(file, swap) for file in others), ACK_SECONDS)


def acknowledge(root: Path, ordinal: int, application: Application) -> bool:
    """For the gates of the other replicas, each second: keep the own application stopped during a swap, and
    acknowledge it. Returns whether a swap is in progress: then `/ready` is 503."""
    if not is_swapping(root):
        return False
    application.stop()
    journal = read_journal(root)
    file = root / GATE_FOLDER / f"{ACK}{ordinal}"
    if journal is not None and not _has_acknowledged(file, journal.id):
        durable.write_atomically(file, journal.id.encode())
    return True


def forget_acknowledgements(root: Path) -> None:
    for file in (root / GATE_FOLDER).glob(f"{ACK}*"):
        remove(file)


def held_locks(root: Path, component: str) -> list[Path]:
    """The application's locks (`is_lock`): folders of Node.js' proper-lockfile (which stay when it dies), and
    files that are locked."""
    return [
        lock
        for lock in (*root.glob("*/episodic/locks/*.lock"), *root.glob("*/*.lock"))
        if is_active_file(lock.relative_to(root).parts[0], component)
        and is_lock(lock.relative_to(root).as_posix(), component)
        and _is_held(lock)
    ]


def _is_held(lock: Path) -> bool:
    if lock.is_dir():
        return True
    try:
        with open_below(lock.parent, lock.name) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # It is gone.
    return False


def wait(condition: Callable[[], bool], limit: float) -> None:
    """Until the condition holds, at most `limit` seconds."""
    deadline = time.monotonic() + limit
    while not condition() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _has_acknowledged(file: Path, swap: str) -> bool:
    try:
        return read_regular(file, limit=LARGEST_ACK) == swap.encode()
    except OSError:
        return False
