"""How long things took over several runs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops.drill.verdicts import Verdict


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Seconds of one span over several runs."""

    what: str
    limit: float | None
    runs: int
    """In which it was measured."""
    p50: float
    p99: float
    longest: float

    @property
    def ok(self) -> bool:
        return self.limit is None or self.p99 <= self.limit


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed (nearest rank): one that was
    measured. Raises ValueError without any.
    """
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def spreads(runs: Iterable[Sequence[Verdict]]) -> list[Spread]:
    """Of every span that was measured, in the order in which the verdicts have them."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    limits: dict[str, float | None] = {}
    for verdicts in runs:
        for one in verdicts:
            limits.setdefault(one.what, one.limit)
            if one.seconds is not None:
                values[one.what].append(one.seconds)
    return [
        Spread(
            what=what,
            limit=limits[what],
            runs=len(found),
            p50=percentile(found, 0.5),
            p99=percentile(found, 0.99),
            longest=max(found),
        )
        for what in limits
        if (found := values[what])
    ]
