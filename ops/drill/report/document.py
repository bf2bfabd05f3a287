"""The report of a drill as a JSON document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.drill.evaluate.distribution import Spread, spreads
from ops.drill.evaluate.milestones import Milestone
from ops.drill.evaluate.times import Gap
from ops.drill.evaluate.verdicts import Evaluation
from ops.drill.faults.kinds import DESCRIPTIONS, FaultKind
from ops.drill.observe.record import BEGUN, ENDED, RESTORED, STOPPED, View
from ops.drill.report.timeline import Segment, client_segments
from ops.drill.scenario import Scenario

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class RunReport:
    number: int
    fault: FaultKind
    at: datetime
    """When the run's clock stood at 0."""
    view: View
    evaluation: Evaluation
    done: tuple[str, ...]
    """What the fault did and undid."""
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.evaluation.ok

    @property
    def failures(self) -> tuple[str, ...]:
        return self.evaluation.failures


@dataclass(frozen=True, kw_only=True)
class Report:
    scenario: Scenario
    started: datetime
    runs: Sequence[RunReport]
    problems: Sequence[str] = field(default=())
    """What went wrong outside of these runs: a run that could not begin, an interrupted drill."""

    @property
    def ok(self) -> bool:
        return bool(self.runs) and not self.problems and all(one.ok for one in self.runs)

    @property
    def faults(self) -> tuple[FaultKind, ...]:
        return tuple(dict.fromkeys(one.fault for one in self.runs))

    @property
    def limits(self) -> dict[str, float]:
        """In seconds, of each span that has a limit."""
        verdicts = (one for run in self.runs for one in run.evaluation.verdicts)
        return {one.what: one.limit for one in verdicts if one.limit is not None}

    def runs_with(self, fault: FaultKind | None) -> list[RunReport]:
        """None: all runs."""
        return [one for one in self.runs if fault in (None, one.fault)]

    def spreads(self, fault: FaultKind | None = None) -> list[Spread]:
        return spreads(one.evaluation.verdicts for one in self.runs_with(fault))

    def spread(self, fault: FaultKind | None, span: str) -> Spread | None:
        """None where the span was not observed in any of these runs."""
        return next((one for one in self.spreads(fault) if one.what == span), None)

    def dump(self) -> str:
        return json.dumps(self.document(), indent=1, ensure_ascii=False) + "\n"

    def document(self) -> dict[str, Any]:
        """Times are seconds after the outage of their run began, unless their key says otherwise."""
        return {
            "format": FORMAT,
            "ok": self.ok,
            "stack": self.scenario.stack,
            "region": self.scenario.region,
            "policy": str(self.scenario.policy),
            "started": self.started.isoformat(),
            "companies": [
                {"name": one.name, "namespace": one.namespace, "from": one.home, "to": one.away}
                for one in self.scenario.tenants
            ],
            "promised": asdict(self.scenario.limits),
            "problems": list(self.problems),
            "distribution": {
                "all": [asdict(one) for one in self.spreads()],
                **{fault: [asdict(one) for one in self.spreads(fault)] for fault in self.faults},
            },
            "runs": [_RunDocument(self.scenario, one).document() for one in self.runs],
        }


class _RunDocument:
    def __init__(self, scenario: Scenario, run: RunReport) -> None:
        self._scenario, self._run = scenario, run
        self._begun = run.view.mark(BEGUN)

    def document(self) -> dict[str, Any]:
        run, view, evaluation = self._run, self._run.view, self._run.evaluation
        parts = {"outage": evaluation.outage, "return": evaluation.comeback}
        outage_began = (run.at + timedelta(seconds=self._begun)).astimezone(UTC)
        return {
            "number": run.number,
            "way": run.fault,
            "what": DESCRIPTIONS[run.fault],
            "ok": run.ok,
            "faults": list(run.failures),
            "outage": outage_began.isoformat(timespec="milliseconds"),
            "done": list(run.done),
            "notes": list(run.notes),
            "marks": {name: self._after(view.mark(name)) for name in (BEGUN, ENDED, RESTORED, STOPPED)},
            "steps": {
                name: [self._milestone(one) for one in part.milestones] for name, part in parts.items()
            },
            "withoutAnswer": {name: [self._gap(one) for one in part.gaps] for name, part in parts.items()},
            "memoryAge": dict(evaluation.ages),
            "holdDown": evaluation.hold_down,
            "verdicts": [asdict(one) for one in evaluation.verdicts],
            "seen": [
                {**asdict(one), "at": self._after(one.at), "since": self._after(one.since)}
                for one in view.changes
            ],
            "clients": {
                tenant.namespace: [
                    self._segment(one) for one in client_segments(self._scenario, view, tenant)
                ]
                for tenant in self._scenario.tenants
            },
        }

    def _after(self, at: float | None) -> float | None:
        return None if at is None else round(at - self._begun, 3)

    def _milestone(self, one: Milestone) -> dict[str, Any]:
        each = {subject: self._after(at) for subject, at in one.times.items() if subject}
        return {"step": one.step, "at": self._after(one.at), "each": each}

    def _gap(self, one: Gap) -> dict[str, Any]:
        seconds = one.seconds
        return {
            "company": one.company,
            "failed": one.failed,
            "began": self._after(one.began),
            "ended": self._after(one.ended),
            "seconds": None if seconds is None else round(seconds, 3),
            # A resolver that caches asks again up to one time to live later.
            "secondsWithCachedAnswer": None if not seconds else round(seconds + self._scenario.ttl, 3),
        }

    def _segment(self, one: Segment) -> dict[str, Any]:
        begin, end = self._after(one.begin), self._after(one.end)
        return {"from": begin, "until": end, "look": one.fill, "what": one.title}
