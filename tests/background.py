"""Processes that get what others leave of the processor."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.cluster.nodes import cgroups

NICEST = ["nice", "-n", "19"]
WEIGHT = {1: ("cpu", "cpu.shares", "32"), 2: ("", "cpu.weight", "3")}
"""By version of control groups: hierarchy, file, and about a thirtieth of the default."""


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
    version = 2 if (cgroups.ROOT / "cgroup.controllers").exists() else 1
    hierarchy, file, weight = WEIGHT[version]
    group = cgroups.ROOT / hierarchy / name
    try:
        group.mkdir()
        (group / file).write_text(weight)
    except OSError:
        return None
    return group
