"""Draws docs/failover.svg from the program's own figures: `python -m docs.draw_timeline`.

A span is the earliest and the latest second at which a step happens, after the region failed or came back.
Caches that keep an answer longer than its TTL are not included.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from plan.edges import CHECK_FAILURES, CHECK_INTERVAL_SECONDS
from plan.records import LEAF_TTL
from runtime.controller.reopening import READY_SECONDS
from settings.models import Failover

OUT = Path(__file__).parent / "failover.svg"
CHECK_ANSWER_SECONDS = 6
"""Until a Route53 checker gives up: 4 s to connect, 2 s to answer (source: Route53 developer guide, "How
Amazon Route 53 determines whether a health check is healthy")."""
READINESS_SECONDS = 5.3
"""From a flag to the pod's Ready condition, measured on a real node: a probe's period, once it is touched."""
MEMORY_SECONDS = 6.5, 10.1
"""From a flag until the next region serves the memory, measured with a real gate, rclone and 500 files."""

TITLE = "Seconds from a region's failure to the client's next answer, and back"
LEFT, SCALE, ROW, TOP, WIDTH = 250, 6.8, 34, 46, 940
SECONDS = 90


@dataclass(frozen=True, kw_only=True)
class Step:
    what: str
    earliest: float
    latest: float
    measured: bool = False


@dataclass(frozen=True, kw_only=True)
class Story:
    title: str
    steps: tuple[Step, ...]


def after(last: Step, what: str, earliest: float, latest: float, *, measured: bool = False) -> Step:
    return Step(what=what, earliest=last.earliest + earliest, latest=last.latest + latest, measured=measured)


def stories() -> list[Story]:
    """What follows from the default settings."""
    failover = Failover()
    interval, timeout = failover.interval_seconds, failover.timeout_seconds
    turned = (CHECK_FAILURES - 1) * CHECK_INTERVAL_SECONDS, CHECK_FAILURES * CHECK_INTERVAL_SECONDS

    missed = Step(what="first probe fails", earliest=0, latest=interval + timeout)
    flagged = after(missed, "region is flagged", *[(failover.failure_threshold - 1) * interval] * 2)
    emptied = after(flagged, "none of its pods is ready", 0, READINESS_SECONDS, measured=True)
    moved = after(flagged, "the next region has the memory", *MEMORY_SECONDS, measured=True)
    left = after(flagged, "Route53 answers another region", *turned)
    gone = Story(
        title="The workloads of a region fail, its cluster still answers",
        steps=(missed, flagged, emptied, moved, left, after(left, "client's next answer", 0, LEAF_TTL)),
    )

    unseen = Step(
        what="Route53 answers another region", earliest=turned[0], latest=turned[1] + CHECK_ANSWER_SECONDS
    )
    dark = Story(
        title="A whole region is gone",
        steps=(unseen, after(unseen, "client's next answer", 0, LEAF_TTL)),
    )

    seen = Step(what="first probe succeeds", earliest=0, latest=interval)
    cleared = after(seen, "flag is cleared", *[(failover.recovery_threshold - 1) * interval] * 2)
    ready = after(cleared, "its pods are ready, once caught up", 0, READINESS_SECONDS, measured=True)
    waits = math.ceil(READY_SECONDS / interval) * interval
    opened = after(ready, "its health path says so", waits, waits + interval)
    back = after(opened, "Route53 answers it again", *turned)
    returned = Story(
        title="The region serves again",
        steps=(seen, cleared, ready, opened, back, after(back, "client is back", 0, LEAF_TTL)),
    )
    return [gone, dark, returned]


def draw(panels: Sequence[Story]) -> str:
    height = TOP + sum(ROW * len(story.steps) + 52 for story in panels) + 6
    return "\n".join(_lines(panels, height)) + "\n"


STYLE = """
    svg { color-scheme: light dark; --ink: #111827; --soft: #6b7280; --grid: #e5e7eb; --paper: #ffffff;
      --computed: #93c5fd; --measured: #34d399 }
    @media (prefers-color-scheme: dark) { svg { --ink: #f3f4f6; --soft: #9ca3af; --grid: #374151;
      --paper: #111827; --computed: #2563eb; --measured: #059669 } }
    .paper { fill: var(--paper) } text { fill: var(--ink) } .soft { fill: var(--soft) }
    .grid { stroke: var(--grid) } .computed { fill: var(--computed) } .measured { fill: var(--measured) }
    .axis { font-size: 11px; text-anchor: middle }
    .title { font-weight: bold; font-size: 14px }"""


def _lines(panels: Sequence[Story], height: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="Helvetica, Arial, sans-serif" font-size="13" role="img" aria-labelledby="title">'
    )
    yield f'  <title id="title">{TITLE}</title>'
    yield f"  <style>{STYLE}\n  </style>"
    yield f'  <rect class="paper" width="{WIDTH}" height="{height}" rx="8"/>'
    for place, kind in ((LEFT, "computed"), (LEFT + 110, "measured")):
        yield f'  <rect class="{kind}" x="{place}" y="14" width="14" height="14" rx="3"/>'
        yield f'  <text x="{place + 20}" y="26">{kind}</text>'
    yield f'  <text class="soft" x="{WIDTH - 20}" y="26" text-anchor="end">seconds, earliest to latest</text>'
    y = TOP
    for story in panels:
        yield from _story(story, y)
        y += ROW * len(story.steps) + 52
    yield "</svg>"


def _story(story: Story, top: int) -> Iterator[str]:
    bottom = top + 28 + ROW * len(story.steps)
    yield f'  <text class="title" x="20" y="{top + 16}">{escape(story.title)}</text>'
    for second in range(0, SECONDS + 1, 10):
        x = LEFT + second * SCALE
        yield f'  <path class="grid" d="M{x:.0f} {top + 26}V{bottom}"/>'
        yield f'  <text class="soft axis" x="{x:.0f}" y="{bottom + 14}">{second}</text>'
    for number, step in enumerate(story.steps):
        y = top + 30 + ROW * number
        x, width = LEFT + step.earliest * SCALE, max((step.latest - step.earliest) * SCALE, 3)
        kind = "measured" if step.measured else "computed"
        yield f'  <text x="{LEFT - 12}" y="{y + 18}" text-anchor="end">{escape(step.what)}</text>'
        yield f'  <rect class="{kind}" x="{x:.0f}" y="{y}" width="{width:.0f}" height="26" rx="5"/>'
        yield f'  <text x="{x + width + 8:.0f}" y="{y + 18}">{step.earliest:.0f}–{step.latest:.0f} s</text>'


if __name__ == "__main__":
    OUT.write_text(draw(stories()), encoding="utf-8")
