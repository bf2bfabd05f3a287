"""Cron expressions: five fields, or six with the seconds first; numbers, `*`, lists, ranges and steps."""

from __future__ import annotations

import functools
from datetime import datetime

LIMITS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
"""Second, minute, hour, day, month, day of the week (0 and 7 are Sunday)."""


def matches(expression: str, at: datetime) -> bool:
    """Whether the expression includes this second. Raises ValueError for an invalid expression."""
    weekday = at.isoweekday() % 7
    now = ({at.second}, {at.minute}, {at.hour}, {at.day}, {at.month}, {weekday, weekday or 7})
    return all(field & value for field, value in zip(_fields(expression), now, strict=True))


@functools.cache
def _fields(expression: str) -> tuple[frozenset[int], ...]:
    fields = expression.split()
    if len(fields) == len(LIMITS) - 1:
        fields = ["0", *fields]
    if len(fields) != len(LIMITS):
        raise ValueError(f"{expression!r}: must have 5 or 6 fields; got {len(fields)}")
    return tuple(
        frozenset(number for part in field.split(",") for number in _numbers(part, *limits))
        for field, limits in zip(fields, LIMITS, strict=True)
    )


def _numbers(part: str, lowest: int, highest: int) -> range:
    span, stepped, step = part.partition("/")
    first, ranged, last = span.partition("-")
    try:
        start = lowest if span == "*" else int(first)
        end = int(last) if ranged else highest if stepped or span == "*" else start
        numbers = range(start, end + 1, int(step) if stepped else 1)
    except ValueError:
        raise ValueError(f"{part!r}: must be a number, `*` or `a-b`, each with `/step` or without") from None
    if not lowest <= start <= end <= highest:
        raise ValueError(f"{part!r}: must be within {lowest}-{highest}")
    return numbers
