"""Ctrl-C, SIGTERM and SIGHUP end a command, but never while it puts back what it changed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ops.terminal import say

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """As a context, in the main thread only: the first signal raises KeyboardInterrupt; later signals, and
    signals while held, only print `wait`."""

    def __init__(self, wait: str) -> None:
        self._wait = wait
        self._held = self._caught = False
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        self._former = {number: signal.signal(number, self._take) for number in NUMBERS}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def hold(self) -> None:
        """From now on signals interrupt nothing."""
        self._held = True

    def release(self) -> None:
        """Raises KeyboardInterrupt if a signal came meanwhile."""
        self._held = False
        if self._caught:
            raise KeyboardInterrupt

    def rearm(self) -> None:
        """The next signal raises KeyboardInterrupt again, whatever came before."""
        self._held = self._caught = False

    def _take(self, number: int, frame: object) -> None:
        already, self._caught = self._caught, True
        if already or self._held:
            say(self._wait)
        else:
            raise KeyboardInterrupt


@contextmanager
def uninterrupted(work: str) -> Iterator[None]:
    """Hold signals back until the block ends: `work` is under way."""
    with Signals(f"    wait: {work}") as signals:
        signals.hold()
        yield
    signals.release()
