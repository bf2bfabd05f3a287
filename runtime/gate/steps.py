"""What happened to this gate, for people: a log line, a metric, and the list that `GET /events` shows."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from runtime.logs import log
from runtime.metrics import Metrics

KEPT = 200


@dataclass(frozen=True, kw_only=True)
class Step:
    sequence: int
    """Grows from step to step, over restarts of the gate too: the time in ms, or one more than the last."""
    at: int
    """UTC, in milliseconds."""
    type: str
    """`Normal` or `Warning`, as Kubernetes calls them."""
    reason: str
    """In CamelCase, one for each kind of step."""
    message: str


class Steps:
    """The last KEPT steps. Any thread may record and read."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._kept: deque[Step] = deque(maxlen=KEPT)
        self._last = 0
        self._lock = threading.Lock()

    def record(self, reason: str, message: str, warning: bool = False) -> None:
        with self._lock:
            now = time.time_ns() // 1_000_000
            self._last = max(now, self._last + 1)
            kind = "Warning" if warning else "Normal"
            self._kept.append(Step(sequence=self._last, at=now, type=kind, reason=reason, message=message))
        self._metrics.add("agency_steps_total", 1, "Steps that GET /events tells of.", reason=reason)
        log("step", level="warning" if warning else "info", reason=reason, message=message)

    def after(self, sequence: int) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(step) for step in self._kept if step.sequence > sequence]


class Condition:
    """Something that is well, or not. Each change from one to the other is a step, however often it is told.

    One thread at a time tells it; any may read `problem`.
    """

    def __init__(self, steps: Steps, *, bad: str, good: str) -> None:
        """`bad` and `good`: the reasons of the two steps."""
        self._steps = steps
        self._bad = bad
        self._good = good
        self.problem: str | None = None

    def is_bad(self, message: str) -> None:
        if self.problem is None:
            self._steps.record(self._bad, message, warning=True)
        self.problem = message

    def is_good(self, message: str) -> None:
        if self.problem is not None:
            self._steps.record(self._good, message)
        self.problem = None
