"""What a drill sees, with the times of one clock: seconds since it began to watch."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Lane(StrEnum):
    """Who looks, and which states it tells (beside UNKNOWN)."""

    PROBES = "probes"
    """The controllers' own probes of the region: ANSWER or FAIL."""
    FLAG = "flag"
    """`failed-regions`, of the system namespace (SYSTEM) and of each company: SET or CLEAR."""
    ENDPOINTS = "endpoints"
    """The region's Agent Service of each company: READY or NONE."""
    HEALTH = "health"
    """The region's health path at its edge: its status, or DEAD."""
    DNS = "dns"
    """The region that a company's name leads to."""
    WORKLOADS = "workloads"
    """The region's pods of each company, asked past every gate: ANSWER or FAIL."""


SYSTEM = ""
"""The subject that is no company: the controllers, and their namespace's flags."""
UNKNOWN = "unknown"
"""It was looked, and nothing could be told."""
ANSWER, FAIL = "answer", "fail"
SET, CLEAR = "set", "clear"
READY, NONE = "ready", "none"
DEAD, OK = "dead", "200"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one look says of one subject."""

    state: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Change:
    lane: Lane
    subject: str
    state: str
    detail: str
    since: float
    """When the last look that still saw something else began; the change is younger."""
    at: float
    """When the look that saw it ended."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a client got that asked a company's name anew."""

    company: str
    region: str
    """That DNS named."""
    asked: float
    came: float
    ok: bool
    detail: str


class Writer(StrEnum):
    """Which of the drill's writers stored a memory."""

    HOME = "home"
    """Through the Brain that served before the outage."""
    AWAY = "away"
    """Through the Brain that served meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A marked memory that a Brain said it has stored."""

    company: str
    region: str
    writer: Writer
    number: int
    at: float


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a Brain answered that was asked for the drill's memories."""

    company: str
    region: str
    at: float
    home: frozenset[int] = frozenset()
    away: frozenset[int] = frozenset()
    strange: tuple[str, ...] = ()
    """What it must not know: markers of another company."""
    aside: bool = False
    """It is no Brain's answer, but lies under `diverged/` there."""

    def of(self, writer: Writer) -> frozenset[int]:
        return self.home if writer is Writer.HOME else self.away


@dataclass(frozen=True, kw_only=True)
class Copied:
    """The newest whole checkpoint of the home region's that lies in another region's bucket."""

    company: str
    region: str
    at: float
    """When the bucket was looked into."""
    made: float
    """When the checkpoint was; before the drill began it is negative."""


@dataclass(frozen=True, kw_only=True)
class View:
    """All that was seen until some moment."""

    changes: tuple[Change, ...] = ()
    answers: tuple[Answer, ...] = ()
    stored: tuple[Stored, ...] = ()
    found: tuple[Found, ...] = ()
    copies: tuple[Copied, ...] = ()
    marks: Mapping[str, float] = field(default_factory=dict)
    """When the drill itself did something."""

    def mark(self, name: str, default: float = float("inf")) -> float:
        return self.marks.get(name, default)

    def state(self, lane: Lane, subject: str) -> Change | None:
        """What was seen last."""
        return next(
            (one for one in reversed(self.changes) if (one.lane, one.subject) == (lane, subject)), None
        )


BEGUN, DOWN, ENDED, RESTORED, STOPPED = "begun", "down", "ended", "restored", "stopped"
"""Marks: the outage begins, it was made; it ends, all was put back; the drill stops watching."""


class Record:
    """Takes what observers tell. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changes: list[Change] = []
        self._last: dict[tuple[Lane, str], tuple[Seen, float]] = {}
        self._answers: list[Answer] = []
        self._stored: list[Stored] = []
        self._found: list[Found] = []
        self._copies: list[Copied] = []
        self._marks: dict[str, float] = {}

    def see(self, lane: Lane, looked: Mapping[str, Seen], began: float, ended: float) -> None:
        """One look at all subjects of a lane. A subject that is not in it was not there to be seen."""
        with self._lock:
            for subject, seen in looked.items():
                before = self._last.get((lane, subject))
                self._last[lane, subject] = seen, began
                if before is None or before[0].state != seen.state:
                    since = before[1] if before else began
                    self._changes.append(
                        Change(
                            lane=lane,
                            subject=subject,
                            state=seen.state,
                            detail=seen.detail,
                            since=since,
                            at=ended,
                        )
                    )

    def add(self, one: Answer | Stored | Found | Copied) -> None:
        with self._lock:
            match one:
                case Answer():
                    self._answers.append(one)
                case Stored():
                    self._stored.append(one)
                case Found():
                    self._found.append(one)
                case Copied():
                    self._copies.append(one)

    def mark(self, name: str, at: float) -> None:
        with self._lock:
            self._marks[name] = at

    def view(self) -> View:
        """Answers are in the order in which they were asked for."""
        with self._lock:
            return View(
                changes=tuple(self._changes),
                answers=tuple(sorted(self._answers, key=lambda one: one.asked)),
                stored=tuple(self._stored),
                found=tuple(self._found),
                copies=tuple(self._copies),
                marks=dict(self._marks),
            )
