"""What the tools return. Their output schemas are made from these models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Result(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ControllerStatus(Result):
    pod: str
    leading: bool
    problems: list[str]


class RegionStatus(Result):
    region: str
    cluster: str
    active: bool
    """Whether clients are sent here while other regions are healthy, too."""
    flagged: bool | None
    """Whether the failover controllers of its cluster have flagged it as failed, or those of another cluster
    if its own does not answer; null: no cluster answers."""
    controllers: list[ControllerStatus]
    """The failover controllers of the region's cluster."""
    problem: str
    """Why the region's cluster does not answer, or that no failover controller leads; else empty."""


class GateStatus(Result):
    component: str
    """brain or agent."""
    role: str
    """serving or standby; unknown: its gate does not answer."""
    lag_seconds: float | None
    """Since the start of the last successful upload; null: it uploads nothing."""
    problems: list[str]


class CompanyStatus(Result):
    company: str
    region: str
    flagged: bool | None
    """As of the region; null: no cluster that has the company answers."""
    ready_endpoints: int | None
    """Of its Agent's Service: what the load balancer sends clients to; null: the cluster does not answer."""
    gates: list[GateStatus]


class StackStatus(Result):
    stack: str
    regions: list[RegionStatus]
    companies: list[CompanyStatus]
    alarms: list[str]
    """What somebody has to look at; empty when all is well."""
    outage: str
    """The simulated outage that runs now, or that is not put back yet; empty without one."""


class Span(Result):
    what: str
    promised_seconds: float | None
    """null: no limit is promised."""
    p50_seconds: float
    p99_seconds: float
    longest_seconds: float


class DrillRun(Result):
    fault: str
    outage: str
    """When the outage began."""
    ok: bool
    failures: list[str]
    """The promises that did not hold, or were not observed."""
    done: list[str]
    """What was done to the region, and undone."""
    notes: list[str]


class DrillReport(Result):
    name: str
    """For get_drill_report."""
    ok: bool
    """Whether every promise held."""
    stack: str
    region: str
    policy: str
    started: str
    companies: list[str]
    """Those that were watched."""
    problems: list[str]
    spans: list[Span]
    """Times over all runs."""
    runs: list[DrillRun]
    others: list[str]
    """Names of the stack's other reports, newest first."""


class OutageResult(Result):
    dry_run: bool
    stack: str
    region: str
    fault: str
    effect: str
    """What the outage does, or did."""
    companies: list[str]
    """Those that it disturbs."""
    protected: list[str]
    """Those among them that the stack file protects: ask a person before you take them down."""
    at_most_seconds: float
    """So long, at most, the steps of the failover are waited for. Then the region is brought back."""
    promised_gap_seconds: float
    """For so long, at most, clients are promised to be without an answer."""
    confirmation_token: str | None
    """Of a dry run: confirms exactly this outage, once."""
    expires_in_seconds: float | None
    """Of the token."""
    report: DrillReport | None
    """Of a run; null after a dry run."""


class CheckResult(Result):
    area: str
    check: str
    company: str
    region: str
    status: str
    detail: str
    look: str
    """Of a failure: what to look at."""


class ValidationResult(Result):
    passed: bool
    """Whether no check failed. Checks that were not tried prove nothing."""
    target: str
    counts: dict[str, int]
    checks: list[CheckResult]


class RestorePoint(Result):
    checkpoint: str
    """The id, for `python -m ops restore --checkpoint`."""
    written_by: str
    time: str
    complete: bool
    """Whether it can be restored."""
    files: int | None
    bytes: int | None
    remark: str


class RestorePoints(Result):
    company: str
    component: str
    region: str
    reason: str
    """Why this region, where the call named none."""
    bucket: str
    points: list[RestorePoint]
    """Newest first."""


def texts(values: Any) -> list[str]:
    return [str(each) for each in values or ()]
