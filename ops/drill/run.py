"""One run of a drill: watch, take the region down, watch, bring it back, watch, judge."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ops.drill import milestones
from ops.drill.baseline import copied_since, missing_at_first
from ops.drill.clients import Ask, Checking, Clients, Names, Places
from ops.drill.copying import Copies, Copying
from ops.drill.memories import Brains, Finding, Markers, NoBrain, Writing
from ops.drill.milestones import Milestone, Step, follows
from ops.drill.outages import Outage
from ops.drill.record import (
    BEGUN,
    DOWN,
    ENDED,
    RESTORED,
    STOPPED,
    Record,
    View,
    Writer,
)
from ops.drill.route53 import Checkers
from ops.drill.scene import Keeping, Scene, Tenant
from ops.drill.signals import Signals
from ops.drill.verdicts import Judged, judge
from ops.drill.watching import Looking, Observer, Stage
from ops.errors import OperatorError

POLL_SECONDS = 0.2
CALM_SECONDS = 3.0
"""Without any trouble, before a region is taken down."""
BASELINE_SECONDS = 240.0
COPY_SLACK_SECONDS = 120.0
OUTAGE_SECONDS = 150.0
"""For all steps of the outage; what has not come until then is not waited for."""
RETURN_SECONDS = 480.0
"""The same for the return: pods that start, and a region that is held down."""
ASIDE_SECONDS = 5.0
"""Between two searches in what was set aside."""
HOLD_SECONDS = 10.0
"""Of watching on, once all has come: what comes has to last."""


class Teller(Protocol):
    """Shows a run to whoever waits."""

    def tell(self, steps: Iterable[Milestone], view: View, waiting: str) -> None:
        """What has come; `waiting` says what for."""

    def say(self, text: str, view: View) -> None: ...


@dataclass(frozen=True, kw_only=True)
class World:
    """All that a run touches."""

    scene: Scene
    observers: Sequence[tuple[Observer, Sequence[str]]]
    """With the subjects that each of them looks at."""
    checkers: Checkers | None
    """None where Route53's own ones are asked."""
    names: Names
    ask: Ask
    places: Places
    brains: Brains
    copies: Copies
    unfit: Callable[[], Sequence[str]]
    """What of the stack is not as it should be, in words."""
    explain: Callable[[Step, str], str]
    """Why a step has not come for a subject."""
    rounds_asked: Callable[[], int | None]
    """Of serving, before the controller cleared the region's flag last."""


@dataclass(kw_only=True)
class Ran:
    """What a run left."""

    view: View
    judged: Judged
    told: tuple[str, ...]
    """What the outage did."""


@dataclass(kw_only=True)
class Run:
    world: World
    stage: Stage
    markers: Markers
    teller: Teller
    chance: random.Random
    record: Record = field(default_factory=Record)
    _writers: dict[tuple[str, Writer], Writing] = field(default_factory=dict)
    _finders: dict[tuple[str, str], Finding] = field(default_factory=dict)
    _why: dict[tuple[Step, str], str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What whoever reads the report should know besides."""
    _told: list[str] = field(default_factory=list)
    _looked_aside: float = float("-inf")

    def play(self, outage: Outage, signals: Signals) -> Ran:
        """Raises OperatorError, with nothing done, while the stack is not fit for a drill. Whatever else
        happens: the outage is over when it returns or raises.
        """
        self._watch()
        self._await_calm()
        self._await_copies()
        # A copy was made just now: without this, what is lost would always be the least that can be.
        self.stage.sleep(self.chance.uniform(0, self.world.scene.sync_interval))
        outage.prepare()
        self._await_calm()
        self.record.mark(BEGUN, self.stage.now())
        try:
            self._say(outage.begin())
            self.record.mark(DOWN, self.stage.now())
            self._go_through_outage()
            signals.hold()
        finally:
            signals.hold()
            self.record.mark(ENDED, self.stage.now())
            self._say(outage.end())
            self.record.mark(RESTORED, self.stage.now())
        signals.release()
        self._go_through_return()
        self.record.mark(STOPPED, self.stage.now())
        view = self.record.view()
        judged = judge(self.world.scene, view, self._why, self.world.rounds_asked(), cut_off=outage.cut_off)
        return Ran(view=view, judged=judged, told=tuple(self._told))

    def _say(self, told: str) -> None:
        self._told.append(told)
        self.teller.say(told, self.record.view())

    def _watch(self) -> None:
        world, stage, record = self.world, self.stage, self.record
        for observer, subjects in world.observers:
            stage.start(Looking(observer, subjects, stage, record))
        stage.start(Looking(world.names, world.scene.namespaces, stage, record))
        if world.checkers:
            stage.start(Checking(world.checkers, stage))
        stage.start(Clients(world.scene, world.names, world.ask, world.places, stage, record))

    def _await_calm(self) -> None:
        """Raises OperatorError when the stack is not well, and stays so."""
        began = self.stage.now()
        calm = began
        while self.stage.now() - calm < CALM_SECONDS:
            self.stage.sleep(POLL_SECONDS)
            problems = missing_at_first(self.world.scene, self.record.view(), self.stage.now())
            if problems or (problems := list(self.world.unfit())):
                calm = self.stage.now()
                self.teller.tell((), self.record.view(), problems[0])
            if problems and self.stage.now() - began > BASELINE_SECONDS:
                listed = "\n".join(f"  {one}" for one in problems)
                raise OperatorError(f"nothing was done: the stack is not well at the start:\n{listed}")

    def _await_copies(self) -> None:
        """Until what the drill stores is copied to where it is looked for. Raises OperatorError."""
        began = self.stage.now()
        moving = self.world.scene.moving
        for tenant in moving:
            self._write(tenant, tenant.home, Writer.HOME)
            if tenant.keeping is not Keeping.STAYS and tenant.away:
                self.stage.start(Copying(self.world.copies, tenant, tenant.away, self.stage, self.record))
        limit = 2 * self.world.scene.sync_interval + COPY_SLACK_SECONDS
        while waiting := [one for one in moving if not copied_since(self.record.view(), one)]:
            self.stage.sleep(POLL_SECONDS)
            names = ", ".join(one.namespace for one in waiting)
            self.teller.tell((), self.record.view(), f"copies of what is stored in {names}")
            if self.stage.now() - began > limit:
                raise OperatorError(f"nothing was done: {self._why_no_copy(waiting[0], limit)}")

    def _why_no_copy(self, tenant: Tenant, limit: float) -> str:
        if not any(one.company == tenant.namespace for one in self.record.view().stored):
            failure = self._writers[tenant.namespace, Writer.HOME].last_failure
            return f"the Brain of {tenant.namespace} in {tenant.home} stores nothing: {failure}"
        why = self.world.explain(Step.MEMORY, tenant.namespace)
        return (
            f"what the Brain of {tenant.namespace} in {tenant.home} stored is in no copy in the bucket of"
            f" {tenant.away} {limit:.0f} s later, so that an outage would lose it: {why}"
        )

    def _go_through_outage(self) -> None:
        for tenant in self.world.scene.moving:
            self._writers[tenant.namespace, Writer.HOME].ends_with_failure = True
            if follows(tenant) and tenant.away:
                self._find(tenant, tenant.away)
                self._write(tenant, tenant.away, Writer.AWAY)
        self._wait(lambda view: milestones.outage(self.world.scene, view), OUTAGE_SECONDS)
        for writer in self._writers.values():
            writer.stopped.set()
        for finder in self._finders.values():
            finder.stopped.set()

    def _go_through_return(self) -> None:
        for tenant in self.world.scene.moving:
            self._find(tenant, tenant.home)
        self._wait(self._returned, RETURN_SECONDS)

    def _returned(self, view: View) -> tuple[Milestone, ...]:
        steps = milestones.comeback(self.world.scene, view)
        if self.stage.now() - self._looked_aside > ASIDE_SECONDS:
            self._looked_aside = self.stage.now()
            self._look_aside()
        return steps

    def _look_aside(self) -> None:
        """What a Brain that has returned does not know may have been set aside."""
        for tenant in self.world.scene.moving:
            for region in filter(None, (tenant.home, tenant.away)):
                view = self.record.view()
                if not (milestones.is_back(view, tenant) and milestones.lost_for_good(view, tenant)):
                    break
                try:
                    lines = self.world.brains.set_aside(tenant.namespace, region, self.markers.pattern)
                except NoBrain:
                    continue
                found = self.markers.found(tenant, region, self.stage.now(), "\n".join(lines))
                self.record.add(replace(found, aside=True))
                if lines:
                    where = f"diverged/ of {tenant.namespace} in {region}"
                    self.notes.append(f"{len(lines)} memories of the drill were set aside: {where}")

    def _wait(self, steps: Callable[[View], tuple[Milestone, ...]], limit: float) -> None:
        """Until all steps have come and stayed for HOLD_SECONDS, or the limit is over."""
        began = self.stage.now()
        held = began
        while self.stage.now() - held < HOLD_SECONDS and self.stage.now() - began < limit:
            self.stage.sleep(POLL_SECONDS)
            view = self.record.view()
            now = steps(view)
            missing = [one for one in now if one.at is None and one.step not in milestones.NOT_AWAITED]
            if missing:
                held = self.stage.now()
            self.teller.tell(now, view, missing[0].step if missing else "")
        for one in steps(self.record.view()):
            for subject in one.missing:
                self._why[one.step, subject] = self._explained(one.step, subject)

    def _explained(self, step: Step, subject: str) -> str:
        told = self.world.explain(step, subject)
        finder = next(
            (one for (name, _), one in self._finders.items() if name == subject and step is Step.MEMORY), None
        )
        return "; ".join(filter(None, (finder.why_not if finder else "", told)))

    def _write(self, tenant: Tenant, region: str, writer: Writer) -> None:
        made = Writing(self.world.brains, self.markers, tenant, region, writer, self.stage, self.record)
        self._writers[tenant.namespace, writer] = made
        self.stage.start(made)

    def _find(self, tenant: Tenant, region: str) -> None:
        made = Finding(self.world.brains, self.markers, tenant, region, self.stage, self.record)
        self._finders[tenant.namespace, region] = made
        self.stage.start(made)
