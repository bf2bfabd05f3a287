"""Results of checks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Area(StrEnum):
    APPLICATION = "application"
    TENANCY = "tenancy isolation"
    PERSISTENCE = "persistence"
    SIDECARS = "sidecar communication"
    PILLARS = "four pillars"
    CLEAN_UP = "clean-up"


class Status(StrEnum):
    """Only PASSED says that a promise holds; only FAILED says that it does not."""

    PASSED = "passed"
    FAILED = "failed"
    NEEDS_CLUSTER = "needs a cluster"
    NOT_ENFORCED = "not enforced here"
    NOT_APPLICABLE = "does not apply"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    status: Status
    detail: str
    """What the check observed."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of one check for one company in one region, as the JSON report has it."""

    area: Area
    check: str
    company: str
    region: str
    """Empty where there are no regions: processes on this machine."""
    status: Status
    detail: str
    """Of a failure: its cause."""
    look: str = ""
    """Of a failure: what to look at."""
    seconds: float


def passed(detail: str) -> Verdict:
    return Verdict(status=Status.PASSED, detail=detail)


def not_applicable(detail: str) -> Verdict:
    return Verdict(status=Status.NOT_APPLICABLE, detail=detail)
