"""A process that dies, as by `kill -9`, before or after any of its calls that change the disk."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

CALLS = ("rename", "replace", "fsync", "mkdir", "unlink", "rmdir", "link")
"""Of module os. What is written between them is not seen by anybody before one of them."""


def points(run: Callable[[], None]) -> int:
    """How many such calls `run` makes; it runs in a process of its own."""
    read, write = os.pipe()

    def counted() -> None:
        count = itertools.count()
        _patch(lambda: next(count), -1)
        run()
        os.write(write, str(next(count)).encode())

    assert _in_child(counted) == 0
    os.close(write)
    with os.fdopen(read) as pipe:
        return int(pipe.read())


def every_point(run: Callable[[], None]) -> Iterator[tuple[int, str]]:
    """All points at which `run` can die, as `die` takes them."""
    return itertools.product(range(points(run)), ("before", "after"))


def die(run: Callable[[], None], number: int, when: str) -> bool:
    """Run in a process of its own that dies at that point. Returns whether it did: folders are read in no
    order, so another run may make a call less."""

    def killed() -> None:
        count = itertools.count()
        _patch(lambda: next(count), number, when)
        run()

    return _in_child(killed) == signal.SIGKILL


def _patch(count: Callable[[], int], last: int, when: str = "before") -> None:
    for name in CALLS:
        setattr(os, name, _dying(getattr(os, name), count, last, when))
    # Else it works below folders' descriptors, past what is counted.
    shutil._use_fd_functions = False  # type: ignore[attr-defined]


def _dying(call: Callable[..., Any], count: Callable[[], int], last: int, when: str) -> Callable[..., Any]:
    def dying(*arguments: Any, **named: Any) -> Any:
        here = count() == last
        if here and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return call(*arguments, **named)
        finally:
            if here:
                os.kill(os.getpid(), signal.SIGKILL)

    return dying


def _in_child(run: Callable[[], None]) -> int:
    """Returns 0, or the signal that killed it."""
    child = os.fork()
    if child == 0:
        try:
            run()
            os._exit(0)
        except BaseException:
            traceback.print_exc(file=sys.stderr)
            os._exit(99)
    _, status = os.waitpid(child, 0)
    ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    assert ended in (0, signal.SIGKILL), f"the child ended with {ended}"
    return ended
