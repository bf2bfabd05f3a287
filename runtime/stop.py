"""SIGTERM and SIGINT, as something to wait for.

A pipe, because a handler that sets an Event may find its lock held by the very thread that it interrupts.
"""

from __future__ import annotations

import os
import select
import signal
import threading


class Stop:
    def __init__(self) -> None:
        self._read, write = os.pipe()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os.write(write, b"."))

    def within(self, seconds: float | None) -> bool:
        """Whether the signal has come, or comes within so many seconds; None: wait for it."""
        return bool(select.select([self._read], [], [], seconds)[0])

    def event(self) -> threading.Event:
        """Set when the signal comes."""
        event = threading.Event()

        def wait() -> None:
            self.within(None)
            event.set()

        threading.Thread(target=wait, name="stop", daemon=True).start()
        return event
