"""The timeline of a run on the terminal, while it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ops.drill.evaluate.milestones import Milestone
from ops.drill.evaluate.steps import OUTAGE, Step
from ops.drill.faults.kinds import FaultKind
from ops.drill.observe.record import BEGUN, ENDED, View
from ops.drill.report.document import Report
from ops.terminal import table

QUIET_SECONDS = 5.0
"""Without a line, after which the terminal shows what the drill waits for."""


class Live:
    """Shows one run. Times are seconds after the outage began, or after it ended."""

    def __init__(self, say: Callable[[str], None], now: Callable[[], float]) -> None:
        self._say, self._now = say, now
        self._shown: set[Step] = set()
        self._last = self._since = now()
        self._waiting = ""
        self._ended = False

    def say(self, text: str, view: View) -> None:
        if ENDED in view.marks and not self._ended:
            self._ended = True
            self._line("        back:")
        began = view.mark(ENDED if ENDED in view.marks else BEGUN, self._now())
        self._line(f"{self._now() - began:7.1f} s  {text}")

    def show(self, milestones: Iterable[Milestone], view: View, waiting_for: str) -> None:
        for milestone in sorted(milestones, key=lambda milestone: milestone.at or 0):
            if milestone.at is not None and milestone.step not in self._shown:
                self._shown.add(milestone.step)
                began = view.mark(BEGUN if milestone.step in OUTAGE else ENDED, self._now())
                self._line(f"{milestone.at - began:7.1f} s  {milestone.step}{_spread(milestone)}")
        if waiting_for != self._waiting:
            self._waiting, self._since = waiting_for, self._now()
        if waiting_for and self._now() - self._last > QUIET_SECONDS:
            self._line(f"           … waiting for {self._now() - self._since:.0f} s: {waiting_for}")

    def _line(self, text: str) -> None:
        self._last = self._now()
        self._say(text)


def _spread(milestone: Milestone) -> str:
    """How much earlier the first of several companies was."""
    times = [at for at in milestone.times.values() if at is not None]
    spread = max(times) - min(times)
    shown = spread >= 0.05 and max(times) == milestone.at
    return f" (for the first {spread:.1f} s earlier)" if shown else ""


def summary(report: Report) -> str:
    """The limited times as a table, and whether all promises held."""
    result = "every promise held" if report.ok else "not every promise held"
    rows = [
        (span, f"{limit:g} s", *(_figures(report, fault, span) for fault in report.faults))
        for span, limit in report.limits.items()
    ]
    heads = ("span", "promised", *(f"{fault}: p50  p99  max" for fault in report.faults))
    return f"\n{table(heads, rows)}\n\n{result}" if rows else result


def _figures(report: Report, fault: FaultKind, span: str) -> str:
    spread = report.spread(fault, span)
    if spread is None:
        return "not observed"
    return f"{spread.p50:.1f}  {spread.p99:.1f}  {spread.longest:.1f} s"
