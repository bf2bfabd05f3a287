"""Runs of a drill on the platform in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from ops.drill.evaluate.milestones import Milestone
from ops.drill.evaluate.steps import Step
from ops.drill.faults.kinds import FaultKind
from ops.drill.observe.accelerators import Accelerated
from ops.drill.observe.clients import Ask, asking
from ops.drill.observe.dns import Names
from ops.drill.observe.markers import Markers
from ops.drill.observe.record import View
from ops.drill.observe.route53 import Check, Checkers
from ops.drill.report.document import RunReport
from ops.drill.run import Run, RunResult
from ops.drill.scenario import Scenario
from ops.drill.target import Resolving, RunTarget
from ops.probing.signals import Signals
from plan.records import to_api
from settings.models import Manager
from settings.routes import record_plan
from tests.drill.scenarios import scenario, settings
from tests.drill.simulated import NOON, ROUNDS, Platform, Sabotage, SimulatedClock
from tests.drill.simulated_target import SimulatedBrains, SimulatedFault, SimulatedSnapshots, observers


class Lines:
    """A Screen that keeps what it shows."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.waits: list[str] = []

    def say(self, text: str, view: View) -> None:
        self.said.append(text)

    def show(self, milestones: Iterable[Milestone], view: View, waiting_for: str) -> None:
        if waiting_for and (not self.waits or self.waits[-1] != waiting_for):
            self.waits.append(waiting_for)


def run_target(platform: Platform) -> RunTarget:
    played = platform.scenario
    if played.manager is Manager.GLOBAL_ACCELERATOR:
        accelerator = Accelerated(played, dict.fromkeys(played.namespaces, "a1.example.com"), platform.talk)
        return _target(platform, accelerator, accelerator.ask, None)
    plan = record_plan(settings(loadBalancing={"policy": played.policy}))
    ids = {check.key: check.key for check in plan.checks}
    records = [to_api(record, ids, "Z") for record in plan.records]
    checks = [
        Check(id=check.key, name=check.fqdn, path=check.path, interval=10, threshold=1)
        for check in plan.checks
    ]

    checkers = Checkers(checks, platform.send, seed=7)
    names = Names(played, records, checkers.healthy)
    return _target(platform, names, asking(platform.send, played.edges), checkers)


def _target(platform: Platform, names: Resolving, ask: Ask, checkers: Checkers | None) -> RunTarget:
    return RunTarget(
        scenario=platform.scenario,
        observers=[*observers(platform), names],
        checkers=checkers,
        names=names,
        ask=ask,
        brains=SimulatedBrains(platform),
        snapshots=SimulatedSnapshots(platform),
        problems=lambda: (),
        reason=lambda step, subject: reason(platform, step),
        required_rounds=lambda: ROUNDS * platform.hold_down,
    )


def reason(platform: Platform, step: Step) -> str:
    if step is Step.FLAG and platform.sabotage.controller_cannot_patch:
        return "the controller reports: flags-not-changed: 403: forbidden"
    if step is Step.ENDPOINTS and platform.sabotage.readiness_ignores_the_flag:
        return "readiness ignores the flag: its gate answers 200 (ready) on /ready although the flag is set"
    if step is Step.MEMORY and platform.sabotage.copies_nothing:
        return "the gate of brain-us-east-1 reports: S3 refuses; its last upload began 900 s ago"
    return ""


def play(sabotage: Sabotage | None = None) -> tuple[RunResult, SimulatedFault, Lines]:
    platform = Platform(scenario(), sabotage or Sabotage())
    fault, lines = SimulatedFault(platform), Lines()
    result = run_of(platform, lines).play(fault, Signals("wait"))
    return result, fault, lines


def play_run(
    sabotage: Sabotage | None = None, played: Scenario | None = None, hold_down: int = 1
) -> tuple[RunResult, Run]:
    platform = Platform(played or scenario(), sabotage or Sabotage(), hold_down)
    run = run_of(platform, Lines())
    return run.play(SimulatedFault(platform), Signals("wait")), run


def run_of(platform: Platform, lines: Lines, require_another: Callable[[], None] = lambda: None) -> Run:
    return Run(
        target=run_target(platform),
        clock=SimulatedClock(platform),
        markers=Markers(run="t1"),
        screen=lines,
        random=random.Random(3),
        require_another=require_another,
    )


def run_report(
    sabotage: Sabotage | None = None,
    played: Scenario | None = None,
    hold_down: int = 1,
    number: int = 1,
    fault: FaultKind = FaultKind.SCALE,
) -> RunReport:
    """A run as reports have it."""
    result, run = play_run(sabotage, played, hold_down)
    return RunReport(
        number=number,
        fault=fault,
        scenario=run.scenario,
        at=datetime.fromtimestamp(NOON, UTC),
        view=result.view,
        evaluation=result.evaluation,
        done=result.done,
        notes=tuple(run.notes),
    )
