"""Ctrl-C, SIGTERM and SIGHUP end a drill, but never while it puts back what it changed."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import TracebackType
from typing import Any

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """As a context: the first signal raises KeyboardInterrupt; later ones, and those while held, do not."""

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
            self._say("wait: the drill is putting back what it changed")
        else:
            raise KeyboardInterrupt
