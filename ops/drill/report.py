"""What a drill found, as a whole: the JSON of it, and what pages and terminals are made from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.drill.distribution import Spread, spreads
from ops.drill.milestones import Gap, Milestone
from ops.drill.record import BEGUN, ENDED, RESTORED, STOPPED, View
from ops.drill.scene import Scene
from ops.drill.segments import Segment, client
from ops.drill.verdicts import Judged
from ops.drill.ways import WORDS, Way

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Drilled:
    """One run."""

    number: int
    way: Way
    at: datetime
    """When the run's clock stood at 0."""
    view: View
    judged: Judged
    told: tuple[str, ...]
    """What was done."""
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.judged.ok

    @property
    def faults(self) -> tuple[str, ...]:
        return self.judged.faults


@dataclass(frozen=True, kw_only=True)
class Report:
    scene: Scene
    started: datetime
    runs: Sequence[Drilled]
    problems: Sequence[str] = field(default=())
    """What went wrong outside of the runs that are in it: a run that could not begin, a drill broken off."""

    @property
    def ok(self) -> bool:
        return bool(self.runs) and not self.problems and all(one.ok for one in self.runs)

    @property
    def ways(self) -> tuple[Way, ...]:
        return tuple(dict.fromkeys(one.way for one in self.runs))

    def count(self, way: Way | None) -> int:
        return sum(way in (None, one.way) for one in self.runs)

    @property
    def limits(self) -> dict[str, float]:
        """Of every span that is promised."""
        verdicts = (one for run in self.runs for one in run.judged.verdicts)
        return {one.what: one.limit for one in verdicts if one.limit is not None}

    def spreads(self, way: Way | None = None) -> list[Spread]:
        """Of the runs of a way, or of all."""
        return spreads(one.judged.verdicts for one in self.runs if way in (None, one.way))

    def spread(self, way: Way | None, what: str) -> Spread | None:
        """None where it was observed in none of these runs."""
        return next((one for one in self.spreads(way) if one.what == what), None)

    def worst(self, what: str) -> float | None:
        """The longest that was measured of a span, in all runs."""
        seconds = [
            one.seconds
            for run in self.runs
            for one in run.judged.verdicts
            if one.what == what and one.seconds is not None
        ]
        return max(seconds, default=None)

    def dump(self) -> str:
        return json.dumps(self.told(), indent=1, ensure_ascii=False) + "\n"

    def told(self) -> dict[str, Any]:
        """Times are seconds after the outage of their run began, unless they are said to be else."""
        return {
            "format": FORMAT,
            "ok": self.ok,
            "stack": self.scene.stack,
            "region": self.scene.region,
            "policy": str(self.scene.policy),
            "started": self.started.isoformat(),
            "companies": [
                {"name": one.name, "namespace": one.namespace, "from": one.home, "to": one.away}
                for one in self.scene.tenants
            ],
            "promised": asdict(self.scene.limits),
            "problems": list(self.problems),
            "distribution": {
                "all": [asdict(one) for one in self.spreads()],
                **{way: [asdict(one) for one in self.spreads(way)] for way in self.ways},
            },
            "runs": [_run(self.scene, one) for one in self.runs],
        }


def _run(scene: Scene, run: Drilled) -> dict[str, Any]:
    view, judged = run.view, run.judged
    begun = view.mark(BEGUN)

    def after(at: float | None) -> float | None:
        return None if at is None else round(at - begun, 3)

    return {
        "number": run.number,
        "way": run.way,
        "what": WORDS[run.way],
        "ok": run.ok,
        "faults": list(run.faults),
        "outage": (run.at + timedelta(seconds=begun)).astimezone(UTC).isoformat(timespec="milliseconds"),
        "done": list(run.told),
        "notes": list(run.notes),
        "marks": {name: after(view.mark(name)) for name in (BEGUN, ENDED, RESTORED, STOPPED)},
        "steps": {
            "outage": [_milestone(one, after) for one in judged.outage],
            "return": [_milestone(one, after) for one in judged.comeback],
        },
        "withoutAnswer": {
            "outage": [_gap(one, after, scene.ttl) for one in judged.gaps],
            "return": [_gap(one, after, scene.ttl) for one in judged.gaps_back],
        },
        "memoryAge": dict(judged.ages),
        "holdDown": judged.hold_down,
        "verdicts": [asdict(one) for one in judged.verdicts],
        "seen": [{**asdict(one), "at": after(one.at), "since": after(one.since)} for one in view.changes],
        "clients": {
            one.namespace: [_segment(each, after) for each in client(scene, view, one)]
            for one in scene.tenants
        },
    }


def _milestone(one: Milestone, after: Any) -> dict[str, Any]:
    return {
        "step": one.step,
        "at": after(one.at),
        "each": {subject: after(at) for subject, at in one.times.items() if subject},
    }


def _gap(one: Gap, after: Any, ttl: int) -> dict[str, Any]:
    seconds = one.seconds
    return {
        "company": one.company,
        "failed": one.failed,
        "began": after(one.began),
        "ended": after(one.ended),
        "seconds": None if seconds is None else round(seconds, 3),
        # A resolver that caches asks again up to one time to live later.
        "secondsWithCachedAnswer": None if not seconds else round(seconds + ttl, 3),
    }


def _segment(one: Segment, after: Any) -> dict[str, Any]:
    return {"from": after(one.begin), "until": after(one.end), "look": one.look, "what": one.title}
