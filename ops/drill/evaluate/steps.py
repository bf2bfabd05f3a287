"""The table of steps: what happens in a failover, what causes it, how long it may take, and the sentences for
it. Milestones, verdicts, diagnoses and the page all follow from this table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from ops.drill.evaluate.times import (
    Finder,
    first_failed_answer,
    lasting_answer,
    leaving,
    memory_complete,
    memory_found,
    state_since,
)
from ops.drill.limits import Limits
from ops.drill.observe.indicators import subjects
from ops.drill.observe.record import SYSTEM, Indicator
from ops.drill.scenario import Scenario
from ops.probing.containers import AGENT

MOVE_SPAN = "move to another zone to answers"
GAP_SPAN, GAP_BACK_SPAN = "client without an answer, outage", "client without an answer, return"


class Step(StrEnum):
    CLIENT_FAILS = "first failed answer"
    SILENT = "workloads of the zone silent"
    PROBE_FAILS = "first failed probe"
    FLAG = "flag set"
    FLAGS = "flag set in every company"
    ENDPOINTS = "no endpoint ready"
    HEALTH = "health path fails"
    DNS = "names lead to another region"
    CLIENT = "good answers from another region"
    MEMORY = "memory found there"

    MOVED = "moved workloads answer"
    ALIVE = "workloads answer again"
    PROBE_ANSWERS = "probes succeed again"
    CLEAR = "flag cleared"
    CLEARS = "flag cleared in every company"
    ENDPOINTS_BACK = "endpoints ready again"
    HEALTH_BACK = "health path succeeds"
    DNS_BACK = "names lead to the region again"
    CLIENT_BACK = "traffic is back"
    MEMORY_BACK = "nothing of the memory lost"
    MEMORY_MOVED = "memory back in another zone"


class DiagnosisSource(Enum):
    """Who can say why a step does not happen."""

    NOBODY = auto()
    CONTROLLERS = auto()
    HEALTH_CHECKS = auto()
    AGENT_GATE = auto()
    BRAIN_GATES = auto()
    CLIENTS = auto()
    WORKLOADS = auto()


class Measure(Enum):
    """From when to when a limited time is measured."""

    FROM_OUTAGE = auto()
    FROM_RETURN = auto()
    """From the outage's end, or from when a lost zone's companies began to move."""
    FROM_WORKLOADS = auto()
    """From the workloads' first answers, without hold-down."""
    GAP = auto()
    """The client's time without an answer."""


@dataclass(frozen=True)
class Promise:
    """A limited time. `limit` is in seconds."""

    span: str
    limit: Callable[[Limits], float]
    measure: Measure


@dataclass(frozen=True, kw_only=True)
class StepSpec:
    times: Finder
    cause: Step | None = None
    """The step that has to happen before; None: the outage, or its end."""
    event: str = ""
    """The step as a moment in the past, for the sentences of the steps that it causes."""
    missing: str = ""
    """The sentence for a step that did not happen, with `{subject}` and `{region}`. Empty: no verdict."""
    promise: Promise | None = None
    diagnosed_by: DiagnosisSource = DiagnosisSource.NOBODY
    optional: bool = False
    """Nobody waits for this step, and the first subject counts."""


def _companies(scenario: Scenario) -> Sequence[str]:
    """Those that the region's flag concerns."""
    return scenario.namespaces if scenario.region_fails else ()


def _flag(scenario: Scenario) -> Sequence[str]:
    return (SYSTEM,) if scenario.region_fails else ()


def _without_endpoints(scenario: Scenario) -> Sequence[str]:
    lost = [each for each in scenario.lost if scenario.loses(each, AGENT)]
    return scenario.namespaces if scenario.region_fails else lost


def _health_paths(scenario: Scenario) -> Sequence[str]:
    return subjects(Indicator.HEALTH, scenario) if scenario.region_fails else ()


def _lost(scenario: Scenario) -> Sequence[str]:
    return scenario.lost


def _moved(scenario: Scenario) -> Sequence[str]:
    return scenario.moved


def _moving(scenario: Scenario) -> Sequence[str]:
    return [tenant.namespace for tenant in scenario.moving]


OUTAGE = {
    Step.CLIENT_FAILS: StepSpec(
        times=first_failed_answer,
        optional=True,
    ),
    Step.SILENT: StepSpec(
        times=state_since(Indicator.WORKLOADS, healthy=False, of=_lost),
        missing="workloads of {subject} in the lost zone still answer",
        diagnosed_by=DiagnosisSource.WORKLOADS,
    ),
    Step.PROBE_FAILS: StepSpec(
        times=state_since(Indicator.PROBES, healthy=False, lasting=False),
        event="the first failed probe",
        missing="no probe of the controller failed",
        diagnosed_by=DiagnosisSource.CONTROLLERS,
    ),
    Step.FLAG: StepSpec(
        times=state_since(Indicator.FLAG, healthy=False, of=_flag),
        cause=Step.PROBE_FAILS,
        event="the region was flagged",
        missing="flag not set",
        promise=Promise("outage to flag", lambda limits: limits.flag, Measure.FROM_OUTAGE),
        diagnosed_by=DiagnosisSource.CONTROLLERS,
    ),
    Step.FLAGS: StepSpec(
        times=state_since(Indicator.FLAG, healthy=False, of=_companies),
        cause=Step.FLAG,
        missing="flag not set in {subject}",
        diagnosed_by=DiagnosisSource.CONTROLLERS,
    ),
    Step.ENDPOINTS: StepSpec(
        times=state_since(Indicator.ENDPOINTS, healthy=False, of=_without_endpoints),
        cause=Step.FLAG,
        missing="endpoints of agent-{region} in {subject} still ready",
        promise=Promise("outage to no ready endpoint", lambda limits: limits.endpoints, Measure.FROM_OUTAGE),
        diagnosed_by=DiagnosisSource.AGENT_GATE,
    ),
    Step.HEALTH: StepSpec(
        times=state_since(Indicator.HEALTH, healthy=False, of=_health_paths),
        cause=Step.FLAG,
        event="the health path failed",
        missing="{subject} still answers 200",
        diagnosed_by=DiagnosisSource.CONTROLLERS,
    ),
    Step.DNS: StepSpec(
        times=state_since(Indicator.DNS, healthy=False, of=leaving),
        cause=Step.HEALTH,
        event="names led to another region",
        missing="the name of {subject} still leads to {region}",
        diagnosed_by=DiagnosisSource.HEALTH_CHECKS,
    ),
    Step.CLIENT: StepSpec(
        times=lasting_answer(back=False),
        cause=Step.DNS,
        missing="no lasting answer from another region for {subject}",
        promise=Promise(GAP_SPAN, lambda limits: limits.gap, Measure.GAP),
        diagnosed_by=DiagnosisSource.CLIENTS,
    ),
    Step.MEMORY: StepSpec(
        times=memory_found,
        cause=Step.FLAG,
        missing="no marker that {subject} stored was found elsewhere",
        diagnosed_by=DiagnosisSource.BRAIN_GATES,
    ),
}
RETURN = {
    Step.MOVED: StepSpec(
        times=state_since(Indicator.WORKLOADS, healthy=True, of=_moved),
        event="the moved workloads answered",
        missing="workloads of {subject} that were moved to another zone do not answer",
        promise=Promise(MOVE_SPAN, lambda limits: limits.move, Measure.FROM_RETURN),
        diagnosed_by=DiagnosisSource.WORKLOADS,
    ),
    Step.ALIVE: StepSpec(
        times=state_since(Indicator.WORKLOADS, healthy=True, lasting=False),
        event="all workloads answered",
        missing="workloads of {subject} in {region} do not answer",
        diagnosed_by=DiagnosisSource.WORKLOADS,
    ),
    Step.PROBE_ANSWERS: StepSpec(
        times=state_since(Indicator.PROBES, healthy=True),
        cause=Step.ALIVE,
        event="the probes succeeded",
        missing="probes of the controller still fail",
        diagnosed_by=DiagnosisSource.CONTROLLERS,
    ),
    Step.CLEAR: StepSpec(
        times=state_since(Indicator.FLAG, healthy=True, of=lambda scenario: [SYSTEM]),
        cause=Step.PROBE_ANSWERS,
        event="the flag was cleared",
        missing="flag not cleared",
        promise=Promise(
            "workloads back to flag cleared", lambda limits: limits.clear, Measure.FROM_WORKLOADS
        ),
        diagnosed_by=DiagnosisSource.CONTROLLERS,
    ),
    Step.CLEARS: StepSpec(
        times=state_since(Indicator.FLAG, healthy=True, of=lambda scenario: scenario.namespaces),
        cause=Step.CLEAR,
        missing="flag not cleared in {subject}",
        diagnosed_by=DiagnosisSource.CONTROLLERS,
    ),
    Step.ENDPOINTS_BACK: StepSpec(
        times=state_since(Indicator.ENDPOINTS, healthy=True),
        cause=Step.CLEAR,
        missing="endpoints of agent-{region} in {subject} not ready",
        promise=Promise(
            "workloads back to endpoints ready", lambda limits: limits.back, Measure.FROM_WORKLOADS
        ),
        diagnosed_by=DiagnosisSource.AGENT_GATE,
    ),
    Step.HEALTH_BACK: StepSpec(
        times=state_since(Indicator.HEALTH, healthy=True),
        cause=Step.CLEAR,
        event="the health path succeeded",
        missing="{subject} does not answer 200",
        diagnosed_by=DiagnosisSource.CONTROLLERS,
    ),
    Step.DNS_BACK: StepSpec(
        times=state_since(Indicator.DNS, healthy=True, of=_moving),
        cause=Step.HEALTH_BACK,
        event="names led to the region again",
        missing="the name of {subject} does not lead to {region}",
        diagnosed_by=DiagnosisSource.HEALTH_CHECKS,
    ),
    Step.CLIENT_BACK: StepSpec(
        times=lasting_answer(back=True),
        cause=Step.DNS_BACK,
        missing="no lasting answer from {region} for {subject}",
        promise=Promise(GAP_BACK_SPAN, lambda limits: limits.gap, Measure.GAP),
        diagnosed_by=DiagnosisSource.CLIENTS,
    ),
    Step.MEMORY_BACK: StepSpec(
        times=memory_complete(moved=False),
    ),
    Step.MEMORY_MOVED: StepSpec(
        times=memory_complete(moved=True),
        cause=Step.MOVED,
        missing="no marker that {subject} had stored came back",
        diagnosed_by=DiagnosisSource.BRAIN_GATES,
    ),
}
SPECS = {**OUTAGE, **RETURN}
