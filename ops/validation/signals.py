"""SIGINT and SIGTERM around work that must not be cut short."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from ops.terminal import say

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def uninterrupted(what: str) -> Iterator[None]:
    """Hold SIGINT and SIGTERM back until the block ends: `what` is under way. In the main thread only."""
    caught: list[int] = []

    def hold(number: int, frame: object) -> None:
        if not caught:
            say(f"    wait: {what}")
        caught.append(number)

    former = {number: signal.signal(number, hold) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    if caught:
        raise KeyboardInterrupt


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """SIGTERM acts like Ctrl-C while the block runs."""

    def interrupt(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
