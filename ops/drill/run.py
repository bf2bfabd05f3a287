"""One run of a drill: observe, inject the fault, observe the failover, remove the fault, observe again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ops.drill.evaluate.baseline import baseline_problems, has_snapshot
from ops.drill.evaluate.kept import kept_notes
from ops.drill.evaluate.milestones import (
    Milestone,
    is_back,
    lost_markers,
    outage_milestones,
    return_milestones,
)
from ops.drill.evaluate.steps import Step
from ops.drill.evaluate.verdicts import Evaluation, evaluate
from ops.drill.faults.kinds import Fault
from ops.drill.observe.brains import BrainError
from ops.drill.observe.clients import KEEPING_EVERY_SECONDS, Clients, KeptAnswers
from ops.drill.observe.clock import Clock, Observing
from ops.drill.observe.indicators import subjects
from ops.drill.observe.markers import BrainTarget, Finding, Markers, Storing
from ops.drill.observe.record import BEGUN, ENDED, RESTORED, STOPPED, Record, View, Writer, of_company
from ops.drill.observe.route53 import Checking
from ops.drill.observe.snapshots import ScanningBucket
from ops.drill.report.live import Live
from ops.drill.scenario import MemoryMode, Scenario, Tenant
from ops.drill.target import RunTarget
from ops.errors import OperatorError
from ops.probing.signals import Signals

POLL_SECONDS = 0.2
CALM_SECONDS = 3.0
"""Without any problem, before the fault is injected."""
BASELINE_SECONDS = 240.0
UPLOAD_SLACK_SECONDS = 120.0
OUTAGE_SECONDS = 150.0
"""The longest wait for the steps of the outage."""
RETURN_SECONDS = 480.0
"""The longest wait for the steps of the return: pods start, and the region may be held down."""
SEARCH_SECONDS = 5.0
"""Between two searches in diverged files."""
HOLD_SECONDS = 10.0
"""Of observing after the last step: what happened has to last."""


@dataclass(kw_only=True)
class RunResult:
    view: View
    evaluation: Evaluation
    done: tuple[str, ...]
    """What the fault did and undid."""


@dataclass(kw_only=True)
class Run:
    target: RunTarget
    clock: Clock
    markers: Markers
    screen: Live
    random: random.Random
    require_another: Callable[[], None]
    """Raises OperatorError where a company would be left without any region."""
    record: Record = field(default_factory=Record)
    notes: list[str] = field(default_factory=list)
    """For the report."""
    _storing: dict[tuple[str, Writer], Storing] = field(default_factory=dict)
    _finding: dict[tuple[str, str], Finding] = field(default_factory=dict)
    """By company and region."""
    _reasons: dict[tuple[Step, str], str] = field(default_factory=dict)
    _done: list[str] = field(default_factory=list)
    _searched: float = float("-inf")

    @property
    def scenario(self) -> Scenario:
        return self.target.scenario

    def play(self, fault: Fault, signals: Signals) -> RunResult:
        """Raises OperatorError, with nothing done, while the stack is not healthy. Whatever else happens: the
        fault is removed when this returns or raises.
        """
        self._start_observing()
        self._await_calm()
        self._await_snapshots()
        # A snapshot was made just now: without this delay, the lost time would always be the shortest.
        self.clock.sleep(self.random.uniform(0, self.scenario.sync_interval))
        fault.prepare()
        self._await_calm()
        self.require_another()
        self._start_keeping()
        self.record.mark(BEGUN, self.clock.now())
        try:
            self._say(fault.inject())
            self._observe_outage()
            self.record.mark(ENDED, self.clock.now())
            if done := fault.bring_back():
                self._say(done)
            signals.hold()
        finally:
            signals.hold()
            self._say(fault.remove())
            self.record.mark(RESTORED, self.clock.now())
        signals.release()
        self._observe_return()
        self.record.mark(STOPPED, self.clock.now())
        view = self.record.view()
        rounds = self.target.required_rounds()
        evaluation = evaluate(self.scenario, view, self._reasons, rounds, cut_off=fault.cut_off)
        self.notes += kept_notes(evaluation.kept, view)
        return RunResult(view=view, evaluation=evaluation, done=tuple(self._done))

    def _say(self, done: str) -> None:
        self._done.append(done)
        self.screen.say(done, self.record.view())

    def _start_observing(self) -> None:
        target, clock, record = self.target, self.clock, self.record
        for observer in target.observers:
            clock.start(Observing(observer, subjects(observer.indicator, self.scenario), clock, record))
        if target.checkers:
            clock.start(Checking(target.checkers, clock))
        tenants = self.scenario.tenants
        clock.start(
            Clients(tenants=tenants, resolver=target.names, ask=target.ask, clock=clock, record=record)
        )

    def _start_keeping(self) -> None:
        """Clients that ask DNS now, and then keep the answer."""
        clock = self.clock
        keeping = Clients(
            tenants=self.scenario.leaving,
            resolver=KeptAnswers(self.target.names, clock),
            ask=self.target.ask,
            clock=clock,
            record=self.record,
            every=KEEPING_EVERY_SECONDS,
            keep=True,
        )
        clock.start(keeping)

    def _await_calm(self) -> None:
        """Raises OperatorError when the stack stays unhealthy."""
        began = calm = self.clock.now()
        while self.clock.now() - calm < CALM_SECONDS:
            self.clock.sleep(POLL_SECONDS)
            view = self.record.view()
            problems = baseline_problems(self.scenario, view, self.clock.now()) or [*self.target.problems()]
            if problems:
                calm = self.clock.now()
                self.screen.show((), view, problems[0])
                if calm - began > BASELINE_SECONDS:
                    listed = "\n".join(f"  {problem}" for problem in problems)
                    raise OperatorError(f"nothing was done: the stack is not healthy:\n{listed}")

    def _await_snapshots(self) -> None:
        """Until the first markers are in snapshots where they will be looked for. Raises OperatorError."""
        began = self.clock.now()
        moving, snapshots = self.scenario.moving, self.target.snapshots
        for tenant in moving:
            self._store(tenant, tenant.usual_region, Writer.BEFORE)
            if tenant.memory is not MemoryMode.LOCAL and tenant.failover_region:
                self.clock.start(
                    ScanningBucket(snapshots, tenant, tenant.failover_region, self.clock, self.record)
                )
        limit = 2 * self.scenario.sync_interval + UPLOAD_SLACK_SECONDS
        while waiting := [each for each in moving if not has_snapshot(self.record.view(), each)]:
            self.clock.sleep(POLL_SECONDS)
            names = ", ".join(each.namespace for each in waiting)
            self.screen.show((), self.record.view(), f"snapshots of the markers in {names}")
            if self.clock.now() - began > limit:
                raise OperatorError(f"nothing was done: {self._why_no_snapshot(waiting[0], limit)}")

    def _why_no_snapshot(self, tenant: Tenant, limit: float) -> str:
        brain = f"the Brain of {tenant.namespace} in {tenant.usual_region}"
        if not of_company(self.record.view().stored, tenant.namespace):
            failure = self._storing[tenant.namespace, Writer.BEFORE].last_failure
            return f"{brain} stores nothing: {failure}"
        return (
            f"what {brain} stored is in no snapshot in the bucket of {tenant.failover_region} {limit:.0f} s"
            f" later, so an outage would lose it: {self.target.reason(Step.MEMORY, tenant.namespace)}"
        )

    def _observe_outage(self) -> None:
        for tenant in self.scenario.moving:
            self._storing[tenant.namespace, Writer.BEFORE].ends_with_failure = True
            if tenant.follows and tenant.failover_region:
                self._find(tenant, tenant.failover_region)
                self._store(tenant, tenant.failover_region, Writer.DURING)
        self._await_steps(lambda view: outage_milestones(self.scenario, view), OUTAGE_SECONDS)
        for storing in self._storing.values():
            storing.stopped.set()
        for finding in self._finding.values():
            finding.stopped.set()

    def _observe_return(self) -> None:
        for tenant in self.scenario.moving:
            self._find(tenant, tenant.usual_region)
        self._await_steps(self._return_milestones, RETURN_SECONDS)

    def _return_milestones(self, view: View) -> tuple[Milestone, ...]:
        if self.clock.now() - self._searched > SEARCH_SECONDS:
            self._searched = self.clock.now()
            for tenant in self.scenario.moving:
                self._search_diverged(tenant)
        return return_milestones(self.scenario, view)

    def _search_diverged(self, tenant: Tenant) -> None:
        """Markers that a Brain lacks after the return may be in diverged files."""
        for region in filter(None, (tenant.usual_region, tenant.failover_region)):
            view = self.record.view()
            if not (is_back(view, tenant) and lost_markers(self.scenario, view, tenant)):
                return
            try:
                texts = self.target.brains.diverged_markers(tenant.namespace, region, self.markers.pattern)
            except BrainError:
                continue
            finding = self.markers.parse(tenant, region, self.clock.now(), "\n".join(texts))
            self.record.add(replace(finding, diverged=True))
            if texts:
                where = f"diverged/ of {tenant.namespace} in {region}"
                self.notes.append(f"{len(texts)} of the drill's markers were set aside: {where}")

    def _await_steps(self, milestones: Callable[[View], tuple[Milestone, ...]], limit: float) -> None:
        """Until all steps have happened and lasted for HOLD_SECONDS, or the limit has passed."""
        began = complete = self.clock.now()
        while self.clock.now() - complete < HOLD_SECONDS and self.clock.now() - began < limit:
            self.clock.sleep(POLL_SECONDS)
            view = self.record.view()
            now = milestones(view)
            missing = [each for each in now if each.at is None and not each.spec.optional]
            if missing:
                complete = self.clock.now()
            self.screen.show(now, view, missing[0].step if missing else "")
        for milestone in milestones(self.record.view()):
            for subject in milestone.missing:
                self._reasons[milestone.step, subject] = self._reason(milestone.step, subject)

    def _reason(self, step: Step, subject: str) -> str:
        reasons = [self.target.reason(step, subject)]
        if step is Step.MEMORY:
            reasons[:0] = [task.problem for (name, _), task in self._finding.items() if name == subject][:1]
        return "; ".join(filter(None, reasons))

    def _brain_target(self, tenant: Tenant, region: str) -> BrainTarget:
        return BrainTarget(
            brains=self.target.brains,
            markers=self.markers,
            tenant=tenant,
            region=region,
            clock=self.clock,
            record=self.record,
        )

    def _store(self, tenant: Tenant, region: str, writer: Writer) -> None:
        task = Storing(self._brain_target(tenant, region), writer)
        self._storing[tenant.namespace, writer] = task
        self.clock.start(task)

    def _find(self, tenant: Tenant, region: str) -> None:
        task = Finding(self._brain_target(tenant, region))
        self._finding[tenant.namespace, region] = task
        self.clock.start(task)
