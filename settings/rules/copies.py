"""Rules about the copies of the volumes."""

from __future__ import annotations

from collections.abc import Iterator

from plan.names import LOCAL
from settings.faults import Fault
from settings.models import Settings
from settings.rules.base import Rule


def _time_control(settings: Settings, _: str) -> Iterator[Fault]:
    if settings.replication.time_control and not settings.replication.metrics:
        path = ("replication", "metrics")
        yield Fault(path, False, "true where replication.timeControl is true (S3 asks for both)")


def _retention(settings: Settings, _: str) -> Iterator[Fault]:
    """Each step begins where the one before ends; an earlier end would leave nothing to it."""
    kept = settings.replication.retention
    path = ("replication", "retention")
    if kept.hourly_hours < kept.all_hours:
        yield Fault((*path, "hourlyHours"), kept.hourly_hours, f"at least allHours, {kept.all_hours}")
    if kept.daily_days * 24 < kept.hourly_hours:
        days = -(-kept.hourly_hours // 24)
        yield Fault((*path, "dailyDays"), kept.daily_days, f"at least hourlyHours in days, {days}")


def _endpoint(settings: Settings, stack: str) -> Iterator[Fault]:
    """Its keys are known to everybody."""
    if settings.replication.endpoint and stack != LOCAL:
        accepted = f"no such key: only the stack {LOCAL} copies to an S3 API other than AWS's"
        yield Fault(("replication", "endpoint"), settings.replication.endpoint, accepted)


RULES = (
    Rule(_time_control, ("replication",)),
    Rule(_retention, ("replication.retention",)),
    Rule(_endpoint),
)
