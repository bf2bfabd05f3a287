"""Several runs, one after the other, and their report."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from local.machine.files import write_atomically
from ops.drill import page
from ops.drill.distribution import Spread
from ops.drill.forgetting import entry_of
from ops.drill.live import Live
from ops.drill.memories import Markers
from ops.drill.record import Record
from ops.drill.report import Drilled, Report
from ops.drill.run import Run
from ops.drill.scene import Scene
from ops.drill.signals import Signals
from ops.drill.watching import RealStage
from ops.drill.ways import WORDS, Way
from ops.drill.world import Target
from ops.errors import OperatorError
from ops.terminal import table


@dataclass(kw_only=True)
class Drill:
    target: Target
    scene: Scene
    signals: Signals
    started: datetime
    seed: int
    say: Callable[[str], None]
    runs: list[Drilled] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def play(self, ways: Sequence[Way]) -> None:
        """All runs, as long as nothing stops them: what does is among the problems. Raises OperatorError when
        there is not one run, KeyboardInterrupt.
        """
        for number, way in enumerate(ways, start=1):
            self.say(f"\nrun {number} of {len(ways)}: {WORDS[way]}")
            try:
                self.runs.append(self._run(number, way))
            except OperatorError as error:
                if not self.runs:
                    self.problems.append(f"run {number} ({way}): {error}")
                    raise
                self.problems.append(f"run {number} ({way}): {error}")
                self.say(f"error: {error}")
                return
            except KeyboardInterrupt:
                self.problems.append(f"run {number} ({way}) was interrupted; all was put back")
                raise

    def report(self) -> Report:
        return Report(scene=self.scene, started=self.started, runs=self.runs, problems=self.problems)

    def _run(self, number: int, way: Way) -> Drilled:
        stage, record, chance = RealStage(), Record(), random.Random(self.seed + number)
        at = datetime.now(UTC)
        markers = Markers(run=f"{at:%Y%m%dt%H%M%S}x{number}")
        run = Run(
            world=self.target.world(self.scene, record, chance.getrandbits(32)),
            stage=stage,
            markers=markers,
            teller=Live(self.say, stage.now),
            chance=chance,
            record=record,
        )
        for tenant in self.scene.moving:
            self.target.journal.add(entry_of(markers, tenant.namespace, tenant.home))
        try:
            ran = run.play(self.target.outage(way, self.scene.region), self.signals)
        finally:
            stage.close()
            run.notes += self._forget(markers, record)
        drilled = Drilled(
            number=number,
            way=way,
            at=at,
            view=ran.view,
            judged=ran.judged,
            told=ran.told,
            notes=tuple(run.notes),
        )
        self.say(f"run {number}: {'held' if drilled.ok else 'did not hold'}")
        for line in drilled.faults:
            self.say(f"  {line}")
        return drilled

    def _forget(self, markers: Markers, record: Record) -> list[str]:
        """Remove what was stored; notes of what could not be: the journal keeps that for the next drill."""
        self.signals.rearm()
        stored = {one.company for one in record.view().stored}
        notes = []
        for tenant in self.scene.moving:
            entry = entry_of(markers, tenant.namespace, tenant.home)
            if tenant.namespace in stored:
                self.say(f"removing what the drill stored for {tenant.namespace}")
                try:
                    self.target.forgetting.forget(entry)
                except OperatorError as error:
                    notes.append(f"the next drill removes what this one stored: {error}")
                    self.say(notes[-1])
                    continue
            self.target.journal.remove(entry)
        return notes


def write(report: Report, folder: Path) -> list[Path]:
    """The report's two files, named by the time at which the drill began."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{report.started:%Y%m%dT%H%M%SZ}"
    paths = [folder / f"{name}.json", folder / f"{name}.html"]
    for path, text in zip(paths, (report.dump(), page.page(report)), strict=True):
        write_atomically(path, text, 0o644)
    return paths


def summary(report: Report) -> str:
    """The figures as a table for the terminal, and whether all held."""
    heads = ("span", "promised", *(f"{way}: p50  p99  max" for way in report.ways))
    rows = []
    for what, limit in report.limits.items():
        found = [report.spread(way, what) for way in report.ways]
        cells = ["not observed" if one is None else _cell(one) for one in found]
        rows.append((what, f"{limit:g} s", *cells))
    told = "every promise held" if report.ok else "not every promise held"
    return f"\n{table(heads, rows)}\n\n{told}" if rows else told


def _cell(one: Spread) -> str:
    return f"{one.p50:.1f}  {one.p99:.1f}  {one.longest:.1f} s"
