"""The event log of this gate, for people: a log line, a metric, and the list of `GET /events`."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from runtime.logs import log
from runtime.metrics import Metrics

KEPT = 200


class Record(Protocol):
    def __call__(self, reason: str, message: str, warning: bool = False) -> None: ...


class Events(Protocol):
    @property
    def record(self) -> Record: ...


@dataclass(frozen=True, kw_only=True)
class Event:
    sequence: int
    """Grows from event to event, over restarts of the gate too: the time in ms, or one more than the last."""
    at: int
    """UTC, in milliseconds."""
    type: str
    """`Normal` or `Warning`, as in Kubernetes."""
    reason: str
    """In CamelCase, one for each kind of event."""
    message: str


class EventLog:
    """The last KEPT events. Any thread may record and read."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._last = 0
        self._lock = threading.Lock()

    def record(self, reason: str, message: str, warning: bool = False) -> None:
        with self._lock:
            now = time.time_ns() // 1_000_000
            self._last = max(now, self._last + 1)
            kind = "Warning" if warning else "Normal"
            self._kept.append(Event(sequence=self._last, at=now, type=kind, reason=reason, message=message))
        self._metrics.add("agency_steps_total", 1, "Events that GET /events lists.", reason=reason)
        log("step", level="warning" if warning else "info", reason=reason, message=message)

    def after(self, sequence: int) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(event) for event in self._kept if event.sequence > sequence]


class Condition:
    """Something that works, or does not. Each change is an event, however often the state is reported.

    One thread at a time reports; any may read `problem`.
    """

    def __init__(
        self,
        events: Events,
        *,
        bad: str,
        good: str,
        on_change: Callable[[str | None], None] = lambda problem: None,
    ) -> None:
        """`bad` and `good`: the reasons of the two events. `on_change` is called with each new `problem`."""
        self._events = events
        self._bad = bad
        self._good = good
        self._on_change = on_change
        self.problem: str | None = None

    def report(self, message: str) -> None:
        if self.problem is None:
            self._events.record(self._bad, message, warning=True)
        self.problem = message
        self._on_change(message)

    def clear(self, message: str) -> None:
        if self.problem is not None:
            self._events.record(self._good, message)
            self._on_change(None)
        self.problem = None


class Notice:
    """Records what is repeated each round only once, until something else or `reset`."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._last: tuple[str, str] | None = None

    def record(self, reason: str, message: str, *, warning: bool = False, kind: str | None = None) -> None:
        """`kind`: of an error, whose message differs each time; else the message itself is compared."""
        if (reason, kind or message) != self._last:
            self._last = reason, kind or message
            self._record(reason, message, warning)

    def reset(self) -> None:
        self._last = None
