"""The page of a report: one HTML file that needs nothing else, made from `page.html.j2`."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ops.drill.evaluate.kept import KEPT_SPAN
from ops.drill.evaluate.memory import AGE_SPAN, MOVED_AGE_SPAN
from ops.drill.evaluate.steps import GAP_BACK_SPAN, GAP_SPAN, MOVE_SPAN
from ops.drill.faults.kinds import DESCRIPTIONS
from ops.drill.report.document import Report
from ops.drill.report.timeline import LEAD_SECONDS, Segment, rows
from plan.records import KEPT_ANSWER_SECONDS

HEADLINE = {
    GAP_SPAN: "Clients were without an answer for at most {}",
    KEPT_SPAN: f"with a DNS answer that was kept for {KEPT_ANSWER_SECONDS} s for at most {{}}",
    GAP_BACK_SPAN: "on the return for at most {}",
    AGE_SPAN: "the memory that the other region went on with was at most {} old",
    MOVE_SPAN: "the companies of a lost zone answered at most {} after their move began",
    MOVED_AGE_SPAN: "with a memory that was at most {} old when the zone was lost",
}
WIDTH, LEFT, RIGHT = 1180, 250, 16
NARROWEST = 1.5
CHARACTER = 6.4
"""Approximate width of a letter in a bar."""
TICKS = (1, 2, 5, 10, 20, 30, 60, 120, 300)
MOST_TICKS = 14


def page(report: Report) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    text = environment.get_template("page.html.j2").render(
        report=report,
        columns=[*report.faults, *([None] if len(report.faults) > 1 else [])],
        headline=_headline(report),
        problems=[
            *((run, line) for run in report.runs for line in run.failures),
            *((None, line) for line in report.problems),
        ],
        descriptions=DESCRIPTIONS,
        timeline=rows,
        Scale=Scale,
        width=WIDTH,
        left=LEFT,
    )
    return f"{text}\n"


def _headline(report: Report) -> str:
    """The longest times in one sentence."""
    spreads = {spread.what: spread for spread in report.spreads()}
    parts = [
        text.format(f"{spreads[span].longest:.1f} s") for span, text in HEADLINE.items() if span in spreads
    ]
    sentence = "; ".join(parts)
    return f"{sentence[:1].upper()}{sentence[1:]}."


class Scale:
    """The time axis of a run's picture: from seconds of the run's clock to SVG units."""

    def __init__(self, begun: float, stopped: float) -> None:
        self.zero, self.begin, self.end = begun, begun - LEAD_SECONDS, max(stopped, begun + 1)
        self._unit = (WIDTH - LEFT - RIGHT) / (self.end - self.begin)

    def x(self, at: float) -> float:
        return LEFT + (min(max(at, self.begin), self.end) - self.begin) * self._unit

    def width(self, segment: Segment) -> float:
        return max(self.x(segment.end) - self.x(segment.begin), NARROWEST)

    def ticks(self) -> range:
        """In seconds."""
        length = self.end - self.zero
        step = next((tick for tick in TICKS if length / tick <= MOST_TICKS), TICKS[-1])
        return range(0, int(length) + 1, step)

    def text(self, segment: Segment) -> str:
        """The longest text that fits into the segment's bar, with the time of what began after the outage."""
        passed, text = segment.begin - self.zero, segment.text
        texts = [f"{passed:.1f} s  {text}", f"{passed:.1f} {text}", f"{passed:.1f}"] if passed > 0 else [text]
        room = (self.width(segment) - 8) / CHARACTER
        return next((each for each in texts if len(each) <= room), "")
