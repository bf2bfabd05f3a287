"""A run's timeline as an SVG: a row for each of those who watched, time from left to right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from ops.drill.segments import LEAD_SECONDS, Row, Segment

WIDTH, LEFT, RIGHT = 1180, 250, 16
ROW, BAR, GAP, TOP, BOTTOM = 26, 20, 10, 34, 30
CHARACTER = 6.4
"""A letter's width at the size of a bar's text, roughly."""
TICKS = (1, 2, 5, 10, 20, 30, 60, 120, 300)
MOST_TICKS = 14
LABEL_CHARACTERS = 20


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A moment that goes through all rows."""

    at: float
    text: str


def draw(rows: Sequence[Row], zero: float, end: float, marks: Sequence[Marked], name: str) -> str:
    """`zero` is second 0 of the axis. `name`: what the picture is called."""
    return "\n".join(_lines(rows, _Scale(zero, end), marks, name))


class _Scale:
    def __init__(self, zero: float, end: float) -> None:
        self.zero, self.begin, self.end = zero, zero - LEAD_SECONDS, max(end, zero + 1)
        self._unit = (WIDTH - LEFT - RIGHT) / (self.end - self.begin)

    def x(self, at: float) -> float:
        return LEFT + (min(max(at, self.begin), self.end) - self.begin) * self._unit

    def ticks(self) -> list[int]:
        length = self.end - self.zero
        step = next((one for one in TICKS if length / one <= MOST_TICKS), TICKS[-1])
        return list(range(0, int(length) + 1, step))


def _lines(rows: Sequence[Row], scale: _Scale, marks: Sequence[Marked], name: str) -> Iterator[str]:
    places = list(_places(rows))
    height = (places[-1] if places else TOP) + ROW + BOTTOM
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' aria-label="{escape(name)}" font-size="12">'
    )
    yield from _axis(scale, height)
    for row, y in zip(rows, places, strict=True):
        yield from _row(row, y, scale)
    before = None
    for row, y in zip(rows, places, strict=True):
        if row.lane != before:
            yield f'<text class="lane" x="8" y="{y + 15}">{escape(row.lane)}</text>'
        before = row.lane
    for one in marks:
        x = scale.x(one.at)
        yield f'<path class="mark" d="M{x:.1f} {TOP - 10}V{height - BOTTOM}"/>'
        anchor = "end" if x > WIDTH - 160 else "start"
        shift = -4 if anchor == "end" else 4
        yield _soft(x + shift, TOP - 14, one.text, anchor)
    yield "</svg>"


def _places(rows: Sequence[Row]) -> Iterator[int]:
    y, before = TOP, None
    for row in rows:
        if before is not None and row.lane != before:
            y += GAP
        yield y
        y, before = y + ROW, row.lane


def _axis(scale: _Scale, height: int) -> Iterator[str]:
    for second in scale.ticks():
        x = scale.x(scale.zero + second)
        yield f'<path class="grid" d="M{x:.1f} {TOP - 6}V{height - BOTTOM}"/>'
        yield _soft(x, height - BOTTOM + 16, str(second), "middle")
    yield _soft(LEFT - 12, height - BOTTOM + 16, "seconds", "end")


def _soft(x: float, y: int, text: str, anchor: str) -> str:
    return f'<text class="soft" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _row(row: Row, y: int, scale: _Scale) -> Iterator[str]:
    label = row.label if len(row.label) <= LABEL_CHARACTERS else f"{row.label[: LABEL_CHARACTERS - 1]}…"
    yield (
        f'<text class="soft" x="{LEFT - 12}" y="{y + 15}" text-anchor="end">{escape(label)}'
        f"<title>{escape(row.label)}</title></text>"
    )
    for one in row.segments:
        yield from _segment(one, y, scale)
    if row.promise is not None and row.promise < scale.end:
        x, passed = scale.x(row.promise), row.promise - scale.zero
        title = f"<title>promised by {passed:.0f} s</title>"
        yield f'<path class="promise" d="M{x - 5:.1f} {y - 6}h10l-5 7z">{title}</path>'


def _segment(one: Segment, y: int, scale: _Scale) -> Iterator[str]:
    x, width = scale.x(one.begin), max(scale.x(one.end) - scale.x(one.begin), 1.5)
    passed = one.begin - scale.zero
    title = f"{passed:.1f} to {one.end - scale.zero:.1f} s: {one.title}"
    yield f"<g><title>{escape(title)}</title>"
    yield f'<rect class="{one.look}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" rx="3"/>'
    text = next((each for each in _texts(one, passed) if len(each) * CHARACTER + 8 <= width), "")
    if text:
        yield f'<text class="in-{one.look}" x="{x + 5:.1f}" y="{y + 14}">{escape(text)}</text>'
    yield "</g>"


def _texts(one: Segment, passed: float) -> Iterator[str]:
    """From the longest to the shortest; the time only where something began."""
    if passed > 0:
        yield f"{passed:.1f} s  {one.text}"
        yield f"{passed:.1f} {one.text}"
        yield f"{passed:.1f}"
    else:
        yield one.text
