"""Rules about replication."""

from __future__ import annotations

from collections.abc import Iterator

from plan.names import LOCAL
from settings.models import Settings
from settings.problems import Problem
from settings.rules.base import Rule


def _time_control(settings: Settings, _: str) -> Iterator[Problem]:
    if settings.replication.time_control and not settings.replication.metrics:
        requirement = "must be true when replication.timeControl is true"
        yield Problem(("replication", "metrics"), False, requirement, "S3 requires both.")


def _retention(settings: Settings, _: str) -> Iterator[Problem]:
    """Each period begins at the end of the previous period, and must not end before it."""
    kept = settings.replication.retention
    path = ("replication", "retention")
    if kept.hourly_hours < kept.all_hours:
        yield Problem(
            (*path, "hourlyHours"), kept.hourly_hours, f"must be at least allHours ({kept.all_hours})"
        )
    if kept.daily_days * 24 < kept.hourly_hours:
        days = -(-kept.hourly_hours // 24)
        yield Problem((*path, "dailyDays"), kept.daily_days, f"must be at least hourlyHours in days ({days})")


def _object_lock(settings: Settings, _: str) -> Iterator[Problem]:
    """A lock that ends before its checkpoint would leave checkpoints that can be destroyed."""
    lock, kept = settings.replication.object_lock, settings.replication.retention.daily_days
    if lock is not None and lock.days < kept:
        requirement = f"must be at least replication.retention.dailyDays ({kept})"
        yield Problem(("replication", "objectLock", "days"), lock.days, requirement)


def _endpoint(settings: Settings, stack: str) -> Iterator[Problem]:
    """The endpoint's access keys are public."""
    if settings.replication.endpoint and stack != LOCAL:
        advice = f"Only the stack {LOCAL} may use an S3 API other than AWS's."
        yield Problem(("replication", "endpoint"), settings.replication.endpoint, "must not be set", advice)


RULES = (
    Rule(_time_control, ("replication",)),
    Rule(_retention, ("replication.retention",)),
    Rule(_object_lock, ("replication.objectLock", "replication.retention")),
    Rule(_endpoint),
)
