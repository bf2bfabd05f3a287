"""The timeline on the terminal, while it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ops.drill.milestones import OUTAGE, Milestone, Step
from ops.drill.record import BEGUN, ENDED, View

REPORT_SECONDS = 5.0
"""Of silence, after which it is said what is waited for."""


class Live:
    """Lines for one run. Times are seconds after the outage began, or after it ended."""

    def __init__(self, say: Callable[[str], None], now: Callable[[], float]) -> None:
        self._say, self._now = say, now
        self._told: set[Step] = set()
        self._last = self._since = now()
        self._waiting = ""

    def say(self, text: str, view: View) -> None:
        back = ENDED in view.marks
        if back:
            self._line("        back:")
        self._line(f"{self._now() - self._base(view, not back):7.1f} s  {text}")

    def tell(self, steps: Iterable[Milestone], view: View, waiting: str) -> None:
        for one in sorted(steps, key=lambda one: one.at or 0):
            if one.at is not None and one.step not in self._told:
                self._told.add(one.step)
                passed = one.at - self._base(view, one.step in OUTAGE)
                self._line(f"{passed:7.1f} s  {one.step}{_spread(one)}")
        if waiting != self._waiting:
            self._waiting, self._since = waiting, self._now()
        if waiting and self._now() - self._last > REPORT_SECONDS:
            self._line(f"           … waiting for {self._now() - self._since:.0f} s: {waiting}")

    def _line(self, text: str) -> None:
        self._last = self._now()
        self._say(text)

    def _base(self, view: View, outage: bool) -> float:
        return view.mark(BEGUN if outage else ENDED, self._now())


def _spread(one: Milestone) -> str:
    """Of several companies, how far they are apart."""
    times = [at for at in one.times.values() if at is not None]
    if len(times) < 2 or max(times) - min(times) < 0.05:
        return ""
    return f" (for the first {max(times) - min(times):.1f} s earlier)" if max(times) == one.at else ""
