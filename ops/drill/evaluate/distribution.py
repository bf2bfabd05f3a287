"""How long each span took over several runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops.drill.evaluate.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Seconds of one span over several runs."""

    what: str
    limit: float | None
    runs: int
    """Runs in which the span was measured."""
    p50: float
    p99: float
    longest: float

    @property
    def ok(self) -> bool:
        return self.limit is None or self.p99 <= self.limit


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed (nearest rank). Raises
    ValueError without values.
    """
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def spreads(runs: Iterable[Sequence[Verdict]]) -> list[Spread]:
    """Of each span that was measured, in the order of the verdicts."""
    measured: dict[str, list[Verdict]] = {}
    for verdicts in runs:
        for verdict in verdicts:
            measured.setdefault(verdict.what, [])
            if verdict.seconds is not None:
                measured[verdict.what].append(verdict)
    return [_spread(span, verdicts) for span, verdicts in measured.items() if verdicts]


def _spread(span: str, verdicts: Sequence[Verdict]) -> Spread:
    seconds = [verdict.seconds for verdict in verdicts if verdict.seconds is not None]
    return Spread(
        what=span,
        limit=verdicts[0].limit,
        runs=len(seconds),
        p50=percentile(seconds, 0.5),
        p99=percentile(seconds, 0.99),
        longest=max(seconds),
    )
