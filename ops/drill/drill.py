"""Several runs, one after the other, and their report."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ops.drill.cleanup import entry_of
from ops.drill.faults.kinds import DESCRIPTIONS, FaultKind
from ops.drill.observe.clock import Clock
from ops.drill.observe.markers import Markers
from ops.drill.observe.record import Record
from ops.drill.report.document import Report, RunReport
from ops.drill.report.live import Live
from ops.drill.report.page import page
from ops.drill.run import Run
from ops.drill.scenario import Scenario
from ops.drill.target import Target
from ops.errors import OperatorError
from ops.probing.signals import Signals


@dataclass(kw_only=True)
class Drill:
    target: Target
    scenario: Scenario
    signals: Signals
    started: datetime
    seed: int
    say: Callable[[str], None]
    last_serving: bool
    """Whether a company may be left without any region."""
    runs: list[RunReport] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def play(self, faults: Sequence[FaultKind]) -> None:
        """All runs until a problem stops them. Raises OperatorError when there is not one run, and
        KeyboardInterrupt.
        """
        for number, fault in enumerate(faults, start=1):
            self.say(f"\nrun {number} of {len(faults)}: {DESCRIPTIONS[fault]}")
            try:
                self.runs.append(self._run(number, fault))
            except OperatorError as error:
                self.problems.append(f"run {number} ({fault}): {error}")
                if not self.runs:
                    raise
                self.say(f"error: {error}")
                return
            except KeyboardInterrupt:
                self.problems.append(f"run {number} ({fault}) was interrupted; everything was put back")
                raise

    def report(self) -> Report:
        return Report(scenario=self.scenario, started=self.started, runs=self.runs, problems=self.problems)

    def _run(self, number: int, kind: FaultKind) -> RunReport:
        scenario = self.target.narrowed(kind, self.scenario)
        clock, record, chance = Clock(), Record(), random.Random(self.seed + number)
        at = datetime.now(UTC)
        markers = Markers(run=f"{at:%Y%m%dt%H%M%S}x{number}")
        run = Run(
            target=self.target.run_target(scenario, record, chance.getrandbits(32)),
            clock=clock,
            markers=markers,
            screen=Live(self.say, clock.now),
            random=chance,
            require_another=lambda: self.target.require_another(
                scenario.region, last_serving=self.last_serving
            ),
            record=record,
        )
        for tenant in self.scenario.moving:
            self.target.journal.add(entry_of(markers, tenant.namespace, tenant.usual_region))
        try:
            result = run.play(self.target.fault(kind, scenario), self.signals)
        finally:
            clock.close()
            run.notes += self._remove_markers(markers, record)
        report = RunReport(
            number=number,
            fault=kind,
            scenario=scenario,
            at=at,
            view=result.view,
            evaluation=result.evaluation,
            done=result.done,
            notes=tuple(run.notes),
        )
        self.say(f"run {number}: {'held' if report.ok else 'did not hold'}")
        for line in report.failures:
            self.say(f"  {line}")
        return report

    def _remove_markers(self, markers: Markers, record: Record) -> list[str]:
        """Returns notes of what could not be removed: the journal keeps it for the next drill."""
        self.signals.rearm()
        stored = {marker.company for marker in record.view().stored}
        notes = []
        for tenant in self.scenario.moving:
            entry = entry_of(markers, tenant.namespace, tenant.usual_region)
            if tenant.namespace in stored:
                self.say(f"removing the drill's markers of {tenant.namespace}")
                try:
                    self.target.cleanup.remove_markers(entry)
                except OperatorError as error:
                    notes.append(f"the next drill removes the markers of this one: {error}")
                    self.say(notes[-1])
                    continue
            self.target.journal.remove(entry)
        return notes


def write(report: Report, folder: Path) -> list[Path]:
    """The document and the page, named by the time at which the drill began."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{report.started:%Y%m%dT%H%M%SZ}"
    texts = {folder / f"{name}.json": report.dump(), folder / f"{name}.html": page(report)}
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return list(texts)
