"""What the kernel says about processes (proc(5), pidfd_open(2)). One that is gone reads as nothing."""

import os
import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

KERNEL_THREAD = 0x00200000
ENDED = "ZX"
ENVIRONMENT_END = 48
"""Where _stat has the address that is 0 while, and only while, a process has no memory of its own."""
EXEC_SECONDS = 1.0


def boot_id() -> str:
    """Names this boot of the machine: process ids and start times mean something within one only."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> int | None:
    """When the process began, in clock ticks since boot; None when there is none."""
    fields = _stat(pid)
    return None if fields is None else int(fields[19])


def environment(pid: int) -> dict[str, str]:
    """The environment that the process was started with; empty when it has ended or is about to."""
    pairs = (entry.partition("=") for entry in _memory(pid, "environ"))
    return {key: value for key, separator, value in pairs if separator}


def command_line(pid: int) -> list[str]:
    """The arguments of the process, its program first."""
    return _memory(pid, "cmdline")


def marked(marks: Mapping[str, str]) -> Iterator[tuple[int, int, dict[str, str]]]:
    """Id, start time and environment of each live process whose environment has all of `marks`."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        pid = int(entry.name)
        started = start_time(pid)
        variables = environment(pid)
        if started is not None and marks.items() <= variables.items():
            yield pid, started, variables


def is_ending(pid: int) -> bool:
    """Whether the process has given up its memory; its other threads may still hold files and ports."""
    fields = _stat(pid)
    return fields is not None and (fields[0] in ENDED or int(fields[ENVIRONMENT_END]) == 0)


@contextmanager
def handle(pid: int) -> Iterator[int | None]:
    """A descriptor that means this very process, whoever gets its id later; None when there is none."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def ends(process: int | None, seconds: float) -> bool:
    """Wait until the process of a `handle` has ended, and freed files and ports; False: not in that time."""
    if process is None:
        return True
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _memory(pid: int, file: str) -> list[str]:
    """The strings of a file of /proc that the kernel reads from the process's memory.

    Between the moment a program replaces its starter's copy and the moment it has its own environment there
    is nothing to read; it lasts microseconds, and must not be taken for an empty environment.
    """
    deadline = time.monotonic() + EXEC_SECONDS
    while True:
        try:
            content = Path(f"/proc/{pid}/{file}").read_bytes()
        except OSError:
            return []
        if content or not _is_beginning(pid) or time.monotonic() > deadline:
            return os.fsdecode(content).rstrip("\0").split("\0") if content else []


def _is_beginning(pid: int) -> bool:
    """Whether a program is about to run here; one that is about to end looks the same for a moment."""
    fields = _stat(pid)
    if fields is None or fields[0] in ENDED or int(fields[6]) & KERNEL_THREAD:
        return False
    return int(fields[ENVIRONMENT_END]) == 0


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the third on (the state): the second may hold any character."""
    try:
        content = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return content.rpartition(")")[2].split()
