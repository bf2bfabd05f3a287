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
    scenario: Scenario
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
        return bool(self.runs) and not self.problems and all(run.ok for run in self.runs)

    @property
    def faults(self) -> tuple[FaultKind, ...]:
        return tuple(dict.fromkeys(run.fault for run in self.runs))

    @property
    def limits(self) -> dict[str, float]:
        """In seconds, of each span that has a limit."""
        verdicts = (verdict for run in self.runs for verdict in run.evaluation.verdicts)
        return {verdict.what: verdict.limit for verdict in verdicts if verdict.limit is not None}

    def runs_with(self, fault: FaultKind | None) -> list[RunReport]:
        """None: all runs."""
        return [run for run in self.runs if fault in (None, run.fault)]

    def spreads(self, fault: FaultKind | None = None) -> list[Spread]:
        return spreads(each.evaluation.verdicts for each in self.runs_with(fault))

    def spread(self, fault: FaultKind | None, span: str) -> Spread | None:
        """None where the span was not observed in any of these runs."""
        return next((each for each in self.spreads(fault) if each.what == span), None)

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
                {
                    "name": tenant.name,
                    "namespace": tenant.namespace,
                    "from": tenant.usual_region,
                    "to": tenant.failover_region,
                }
                for tenant in self.scenario.tenants
            ],
            "promised": asdict(self.scenario.limits),
            "problems": list(self.problems),
            "distribution": {
                "all": [asdict(each) for each in self.spreads()],
                **{fault: [asdict(each) for each in self.spreads(fault)] for fault in self.faults},
            },
            "runs": [_RunDocument(run).document() for run in self.runs],
        }


class _RunDocument:
    def __init__(self, run: RunReport) -> None:
        self._scenario, self._run = run.scenario, run
        self._begun = run.view.mark(BEGUN)

    def document(self) -> dict[str, Any]:
        run, view, evaluation = self._run, self._run.view, self._run.evaluation
        parts = {"outage": evaluation.outage, "return": evaluation.on_return}
        outage_began = (run.at + timedelta(seconds=self._begun)).astimezone(UTC)
        return {
            "number": run.number,
            "way": run.fault,
            "what": DESCRIPTIONS[run.fault],
            "zone": run.scenario.zone or None,
            "ok": run.ok,
            "faults": list(run.failures),
            "outage": outage_began.isoformat(timespec="milliseconds"),
            "done": list(run.done),
            "notes": list(run.notes),
            "marks": {name: self._after(view.mark(name)) for name in (BEGUN, ENDED, RESTORED, STOPPED)},
            "steps": {name: list(map(self._milestone, part.milestones)) for name, part in parts.items()},
            "withoutAnswer": {name: list(map(self._with_cache, part.gaps)) for name, part in parts.items()},
            "withoutAnswerKeepingDns": list(map(self._gap, evaluation.kept)),
            "memoryAge": dict(evaluation.ages),
            "movedMemoryAge": dict(evaluation.moved_ages),
            "holdDown": evaluation.hold_down,
            "verdicts": [asdict(verdict) for verdict in evaluation.verdicts],
            "seen": [
                {**asdict(change), "at": self._after(change.at), "since": self._after(change.since)}
                for change in view.changes
            ],
            "clients": {
                tenant.namespace: [
                    self._segment(each) for each in client_segments(self._scenario, view, tenant)
                ]
                for tenant in self._scenario.tenants
            },
        }

    def _after(self, at: float | None) -> float | None:
        return None if at is None else round(at - self._begun, 3)

    def _milestone(self, milestone: Milestone) -> dict[str, Any]:
        each = {subject: self._after(at) for subject, at in milestone.times.items() if subject}
        return {"step": milestone.step, "at": self._after(milestone.at), "each": each}

    def _gap(self, gap: Gap) -> dict[str, Any]:
        seconds = gap.seconds
        return {
            "company": gap.company,
            "failed": gap.failed,
            "began": self._after(gap.began),
            "ended": self._after(gap.ended),
            "seconds": None if seconds is None else round(seconds, 3),
        }

    def _with_cache(self, gap: Gap) -> dict[str, Any]:
        """A resolver that caches asks again up to one time to live later."""
        cached = None if not gap.seconds else round(gap.seconds + self._scenario.ttl, 3)
        return {**self._gap(gap), "secondsWithCachedAnswer": cached}

    def _segment(self, segment: Segment) -> dict[str, Any]:
        begin, end = self._after(segment.begin), self._after(segment.end)
        return {"from": begin, "until": end, "look": segment.fill, "what": segment.title}
