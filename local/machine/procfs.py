"""Processes as the kernel reports them (proc(5), pidfd_open(2)). A process that is gone reads as empty."""

import os
import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

KERNEL_THREAD = 0x00200000
ENDED = "ZX"
ENVIRONMENT_END = 48
"""Index in `_stat` of an address that is 0 exactly while the process has no memory of its own."""
EXEC_SECONDS = 1.0


def boot_id() -> str:
    """The id of this boot: process ids and start times are comparable only within one boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when there is no such process."""
    fields = _stat(pid)
    return None if fields is None else int(fields[19])


def environment(pid: int) -> dict[str, str]:
    """The environment that the process was started with; empty when it has ended or is about to."""
    pairs = (entry.partition("=") for entry in _memory(pid, "environ"))
    return {key: value for key, separator, value in pairs if separator}


def command_line(pid: int) -> list[str]:
    """The program and the arguments of the process."""
    return _memory(pid, "cmdline")


def find_by_environment(wanted: Mapping[str, str]) -> Iterator[tuple[int, int, dict[str, str]]]:
    """Id, start time and environment of each live process with these variables."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        pid = int(entry.name)
        started = start_time(pid)
        variables = environment(pid)
        if started is not None and wanted.items() <= variables.items():
            yield pid, started, variables


def is_ending(pid: int) -> bool:
    """Whether the process has released its memory; other threads may still hold files and ports."""
    fields = _stat(pid)
    return fields is not None and (fields[0] in ENDED or int(fields[ENVIRONMENT_END]) == 0)


@contextmanager
def handle(pid: int) -> Iterator[int | None]:
    """A pidfd, which stays with this process when its id is reused; None when there is no such process."""
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
    """Whether the process of a `handle` ends, and frees files and ports, within `seconds`."""
    if process is None:
        return True
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _memory(pid: int, file: str) -> list[str]:
    """The strings of a file in /proc that the kernel reads from the process's memory.

    During exec the file is empty for some microseconds. That must not count as an empty environment.
    """
    deadline = time.monotonic() + EXEC_SECONDS
    while True:
        try:
            content = Path(f"/proc/{pid}/{file}").read_bytes()
        except OSError:
            return []
        if content or not _is_in_exec(pid) or time.monotonic() > deadline:
            return os.fsdecode(content).rstrip("\0").split("\0") if content else []


def _is_in_exec(pid: int) -> bool:
    """Whether the process is in exec. A process that is about to end looks the same for a moment."""
    fields = _stat(pid)
    if fields is None or fields[0] in ENDED or int(fields[6]) & KERNEL_THREAD:
        return False
    return int(fields[ENVIRONMENT_END]) == 0


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the third (the state) on: the second may contain any character."""
    try:
        content = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return content.rpartition(")")[2].split()
