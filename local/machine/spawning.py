"""Starting a program that has nothing of its starter but what it is given."""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


def spawn_detached(argv: Sequence[str], env: Mapping[str, str], log: Path) -> int:
    """Run `argv` in a session of its own, its output appended to `log`, and return its process id.

    It inherits no open file but those that close when it begins to run: a lock of the starter is held until
    exactly then, also when the starter is killed meanwhile. Raises OSError when the program can't be run.
    """
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
        # Whoever waits for the end of a pipe that our caller left open must not wait for a daemon.
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
    """Open descriptors above the standard three that a child would get."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if int(entry.name) > 2 and os.get_inheritable(int(entry.name)):
                found.append(int(entry.name))
    return found
