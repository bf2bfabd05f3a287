"""Starts a daemon that inherits nothing but its arguments and environment."""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


def spawn_detached(argv: Sequence[str], env: Mapping[str, str], log: Path) -> int:
    """Run `argv` in its own session, append its output to `log`, and return its process id.

    The daemon inherits only files that close on exec: the caller's lock is held exactly until then, even if
    the caller is killed. Raises OSError when the program cannot be run.
    """
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
        # A reader of a pipe that the caller left open must not wait for the daemon.
        *((os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in _inheritable()),
    ]
    # Not subprocess: it closes the lock shortly before the program begins to run.
    return os.posix_spawn(
        argv[0],
        list(argv),
        env,
        file_actions=actions,
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
    )


def _inheritable() -> list[int]:
    """Open descriptors above 2 that a child would inherit."""
    descriptors = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if int(entry.name) > 2 and os.get_inheritable(int(entry.name)):
                descriptors.append(int(entry.name))
    return descriptors
