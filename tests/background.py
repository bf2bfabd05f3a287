"""Processes that get what others leave of the processor."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from local.cluster.nodes import cgroups

NICEST = ["nice", "-n", "19"]
WEIGHTS = {"cpu/{}/cpu.shares": "32", "{}/cpu.weight": "3"}
"""About a thirtieth of the default, in version 1 and 2."""


@contextmanager
def background() -> Iterator[list[str]]:
    """The beginning of a command, for it and all that it starts.

    `nice` alone is not enough: where the kernel shares the processor between sessions (`sched_autogroup`), it
    counts within a session only, and each service that a test starts has a session of its own. Where no
    control group can be created, it is all there is.
    """
    name = f"digital-agency-tests-{os.getpid()}"
    try:
        group = _group(name)
        join = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs")] if group else []
        yield [*join, *NICEST]
    finally:
        cgroups.remove(name)


def _group(name: str) -> Path | None:
    for path, weight in WEIGHTS.items():
        file = cgroups.ROOT / path.format(name)
        with suppress(OSError):
            file.parent.mkdir()
            file.write_text(weight)
            return file.parent
    return None
