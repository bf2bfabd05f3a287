"""Runs of a drill on the platform in virtual time."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime

from ops.drill.asking import Place
from ops.drill.clients import Names, asking_checks
from ops.drill.memories import Markers
from ops.drill.milestones import Milestone, Step
from ops.drill.record import View
from ops.drill.report import Drilled
from ops.drill.route53 import Check, Checkers
from ops.drill.run import Ran, Run, World
from ops.drill.scene import Scene
from ops.drill.signals import Signals
from ops.drill.ways import Way
from plan.records import to_api
from settings.routes import record_plan
from tests.drill.scenes import scene, settings
from tests.drill.simulated import (
    NOON,
    ROUNDS,
    Clockwork,
    Platform,
    Sabotage,
    SimulatedBrains,
    SimulatedCopies,
    SimulatedOutage,
    observers,
)


class Lines:
    """A Teller that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.waits: list[str] = []

    def say(self, text: str, view: View) -> None:
        self.said.append(text)

    def tell(self, steps: Iterable[Milestone], view: View, waiting: str) -> None:
        if waiting and (not self.waits or self.waits[-1] != waiting):
            self.waits.append(waiting)


def world(platform: Platform) -> World:
    told = platform.scene
    plan = record_plan(settings(loadBalancing={"policy": told.policy}))
    ids = {check.key: check.key for check in plan.checks}
    records = [to_api(record, ids, "Z") for record in plan.records]
    checks = [
        Check(id=check.key, name=check.fqdn, path=check.path, interval=10, threshold=1)
        for check in plan.checks
    ]

    def places(name: str) -> Place:
        return Place(host=name, port=80, tls=False)

    checkers = Checkers(checks, asking_checks(platform.ask, places), seed=7)
    names = Names(told, records, checkers.healthy)
    return World(
        scene=told,
        observers=observers(platform),
        checkers=checkers,
        names=names,
        ask=platform.ask,
        places=places,
        brains=SimulatedBrains(platform),
        copies=SimulatedCopies(platform),
        unfit=lambda: (),
        explain=lambda step, subject: explain(platform, step),
        rounds_asked=lambda: ROUNDS * platform.hold_down,
    )


def explain(platform: Platform, step: Step) -> str:
    if step is Step.FLAG and platform.sabotage.controller_cannot_patch:
        return "the controller says: flags-not-changed: 403: forbidden"
    if step is Step.ENDPOINTS and platform.sabotage.readiness_ignores_the_flag:
        return "readiness ignores the flag: its gate says 200 (ready) on /ready although it is set"
    if step is Step.MEMORY and platform.sabotage.copies_nothing:
        return "the gate of brain-us-east-1 says: S3 refuses; its last copy began 900 s ago"
    return ""


def play(sabotage: Sabotage | None = None) -> tuple[Ran, SimulatedOutage, Lines]:
    platform = Platform(scene(), sabotage or Sabotage())
    outage, lines = SimulatedOutage(platform), Lines()
    ran = _run(platform, lines).play(outage, Signals(lines.waits.append))
    return ran, outage, lines


def play_run(
    sabotage: Sabotage | None = None, told: Scene | None = None, hold_down: int = 1
) -> tuple[Ran, Run]:
    platform = Platform(told or scene(), sabotage or Sabotage(), hold_down)
    run = _run(platform, Lines())
    return run.play(SimulatedOutage(platform), Signals(lambda line: None)), run


def _run(platform: Platform, lines: Lines) -> Run:
    return Run(
        world=world(platform),
        stage=Clockwork(platform),
        markers=Markers(run="t1"),
        teller=lines,
        chance=random.Random(3),
    )


def drilled(
    sabotage: Sabotage | None = None,
    told: Scene | None = None,
    hold_down: int = 1,
    number: int = 1,
    way: Way = Way.SCALE,
) -> Drilled:
    """A run as reports have it."""
    ran, run = play_run(sabotage, told, hold_down)
    return Drilled(
        number=number,
        way=way,
        at=datetime.fromtimestamp(NOON, UTC),
        view=ran.view,
        judged=ran.judged,
        told=ran.told,
        notes=tuple(run.notes),
    )
