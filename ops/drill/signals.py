"""Ctrl-C, SIGTERM and SIGHUP: they end a drill, but never the putting back of what it changed."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import TracebackType
from typing import Any

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """While it is entered, the first signal raises KeyboardInterrupt; none does after that, or while held."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._held = self._caught = False
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        self._former = {number: signal.signal(number, self._take) for number in NUMBERS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def hold(self) -> None:
        """From now on nothing is interrupted."""
        self._held = True

    def release(self) -> None:
        """Raises KeyboardInterrupt when a signal came meanwhile."""
        self._held = False
        if self._caught:
            raise KeyboardInterrupt

    def rearm(self) -> None:
        """The next signal raises KeyboardInterrupt again, whatever came before."""
        self._held = self._caught = False

    def _take(self, number: int, frame: object) -> None:
        already, self._caught = self._caught, True
        if already or self._held:
            self._say("wait: what the drill has changed is being put back")
        else:
            raise KeyboardInterrupt
