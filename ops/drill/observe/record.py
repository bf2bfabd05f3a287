"""The record of a run. All times are seconds of one clock that starts with the run."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar


class Indicator(StrEnum):
    """An observed property of the region, and its states (besides UNKNOWN)."""

    PROBES = "probes"
    """The failover controllers' own probes of the region: ANSWER or FAIL."""
    FLAG = "flag"
    """`failed-regions` in the system namespace (SYSTEM) and in each company's: SET or CLEAR."""
    ENDPOINTS = "endpoints"
    """The region's Agent Service of each company: READY or NONE."""
    HEALTH = "health"
    """The region's health path at its load balancer: the HTTP status, or DEAD."""
    DNS = "dns"
    """The region that a company's name leads to: by DNS, or by an accelerator."""
    WORKLOADS = "workloads"
    """The region's pods of each company, asked past readiness and load balancers: ANSWER or FAIL."""


SYSTEM = ""
"""The subject that stands for the controllers and for the flags of their namespace."""
UNKNOWN = "unknown"
"""The observation failed."""
ANSWER, FAIL = "answer", "fail"
SET, CLEAR = "set", "clear"
READY, NONE = "ready", "none"
DEAD, OK = "dead", "200"


@dataclass(frozen=True, kw_only=True)
class State:
    """The observed state of one subject."""

    state: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Change:
    indicator: Indicator
    subject: str
    state: str
    detail: str
    since: float
    """When the last observation of the former state began: the change is younger."""
    at: float
    """When the observation of the new state ended."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to a client of a company."""

    company: str
    region: str
    """That answered; without an answer, the region to which the client was sent."""
    asked: float
    came: float
    ok: bool
    detail: str
    kept: bool = False
    """Whether the client keeps DNS answers; otherwise it resolved the company's name anew."""


class Writer(StrEnum):
    """The values are parts of markers, which stay on volumes when a drill is killed."""

    BEFORE = "home"
    """Stores markers through the Brain that served before the outage."""
    DURING = "away"
    """Stores markers through the Brain that serves during the outage."""


@dataclass(frozen=True, kw_only=True)
class StoredMarker:
    """A marker that a Brain confirmed to have stored."""

    company: str
    region: str
    writer: Writer
    number: int
    at: float


@dataclass(frozen=True, kw_only=True)
class FoundMarkers:
    """The markers in a Brain's answer, or among its diverged files."""

    company: str
    region: str
    at: float
    before: frozenset[int] = frozenset()
    """Numbers of the markers of Writer.BEFORE."""
    during: frozenset[int] = frozenset()
    foreign: tuple[str, ...] = ()
    """Markers of other companies: this Brain must not know them."""
    diverged: bool = False
    """They are in files below `diverged/`, not in a Brain's answer."""

    @property
    def markers(self) -> set[tuple[Writer, int]]:
        return {(Writer.BEFORE, number) for number in self.before} | {
            (Writer.DURING, number) for number in self.during
        }


@dataclass(frozen=True, kw_only=True)
class BucketSnapshot:
    """The newest complete snapshot of the company's usual region in another region's bucket."""

    company: str
    region: str
    at: float
    """When the bucket was read."""
    created: float
    """When the gate created the snapshot; negative if that was before the run."""


Entry = TypeVar("Entry", Answer, StoredMarker, FoundMarkers, BucketSnapshot)


def of_company(entries: Iterable[Entry], namespace: str) -> list[Entry]:
    return [entry for entry in entries if entry.company == namespace]


BEGUN, ENDED, RESTORED, STOPPED = "begun", "ended", "restored", "stopped"
"""Marks: the outage begins; it ends; the fault is removed; the run stops observing."""


@dataclass(frozen=True, kw_only=True)
class View:
    """The record up to some moment."""

    changes: tuple[Change, ...] = ()
    answers: tuple[Answer, ...] = ()
    """To clients that resolve anew, in the order in which they were asked for."""
    kept_answers: tuple[Answer, ...] = ()
    """The same, to clients that keep DNS answers."""
    stored: tuple[StoredMarker, ...] = ()
    findings: tuple[FoundMarkers, ...] = ()
    snapshots: tuple[BucketSnapshot, ...] = ()
    marks: Mapping[str, float] = field(default_factory=dict)
    """When the drill itself did something."""

    def mark(self, name: str, default: float = float("inf")) -> float:
        return self.marks.get(name, default)

    def of(self, indicator: Indicator, subject: str) -> tuple[Change, ...]:
        wanted = indicator, subject
        return tuple(each for each in self.changes if (each.indicator, each.subject) == wanted)

    def state(self, indicator: Indicator, subject: str) -> Change | None:
        """The latest state."""
        return next(reversed(self.of(indicator, subject)), None)


class Record:
    """Takes what the observers report. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: dict[tuple[Indicator, str], tuple[str, float]] = {}
        """State, and when its latest observation began."""
        self._entries: defaultdict[type, list[Any]] = defaultdict(list)
        self._marks: dict[str, float] = {}

    def observe(self, indicator: Indicator, states: Mapping[str, State], began: float, ended: float) -> None:
        """One observation of an indicator's subjects. Subjects that are missing in it keep their state."""
        with self._lock:
            for subject, now in states.items():
                state, since = self._latest.get((indicator, subject), (None, began))
                self._latest[indicator, subject] = now.state, began
                if state != now.state:
                    change = Change(
                        indicator=indicator,
                        subject=subject,
                        state=now.state,
                        detail=now.detail,
                        since=since,
                        at=ended,
                    )
                    self._entries[Change].append(change)

    def add(self, entry: Answer | StoredMarker | FoundMarkers | BucketSnapshot) -> None:
        with self._lock:
            self._entries[type(entry)].append(entry)

    def mark(self, name: str, at: float) -> None:
        with self._lock:
            self._marks[name] = at

    def view(self) -> View:
        with self._lock:
            entries = self._entries
            answers = sorted(entries[Answer], key=lambda entry: entry.asked)
            return View(
                changes=tuple(entries[Change]),
                answers=tuple(answer for answer in answers if not answer.kept),
                kept_answers=tuple(answer for answer in answers if answer.kept),
                stored=tuple(entries[StoredMarker]),
                findings=tuple(entries[FoundMarkers]),
                snapshots=tuple(entries[BucketSnapshot]),
                marks=dict(self._marks),
            )
