"""S3's clock. This machine's may be wrong, and what is written with its time cannot be corrected later."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

_WRONG = re.compile(r"Time may be set wrong - time from \S+ is (-?)((?:[0-9.]+[hms])+) different")
"""rclone compares the header `Date` of its first answer with this machine's clock."""
UNREPORTED_SECONDS = 300.0
"""rclone mentions no smaller difference."""
_PART = re.compile(r"([0-9.]+)([hms])")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0}


class ServerClock:
    """Seconds since the epoch, at most UNREPORTED_SECONDS wrong after the first answer of S3."""

    def __init__(
        self, clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock, self._monotonic = clock, monotonic
        self._learned: tuple[float, float] | None = None
        """S3's time and the monotonic one, when S3 answered last."""

    def __call__(self) -> float:
        if self._learned is None:
            return self._clock()
        at, since = self._learned
        return at + self._monotonic() - since

    def learn(self, output: str, *, answered: bool) -> None:
        """From rclone's log. `answered`: S3 did answer, so silence means that this machine's clock is
        right."""
        match = _WRONG.search(output)
        if match is None and not answered:
            return
        ahead = _seconds(match[2]) * (-1 if match[1] else 1) if match else 0.0
        self._learned = self._clock() - ahead, self._monotonic()


def _seconds(duration: str) -> float:
    """Of a duration as Go writes it: `8760h0m0.6s`."""
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(duration))
