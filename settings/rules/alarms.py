"""Rules about alarms."""

from __future__ import annotations

from collections.abc import Iterator

from plan.names import LOCAL
from settings.models import Settings
from settings.problems import NO_VALUE, Problem
from settings.rules.base import Rule


def _prometheus(settings: Settings, _: str) -> Iterator[Problem]:
    """Network policies let nobody else scrape."""
    if settings.alarms.prometheus_operator and settings.network.monitoring_namespace is None:
        path = ("network", "monitoringNamespace")
        requirement = "missing (required when alarms.prometheusOperator is true)"
        yield Problem(path, NO_VALUE, requirement, "Set the namespace of your Prometheus.")


def _emails(settings: Settings, stack: str) -> Iterator[Problem]:
    if settings.alarms.emails and stack == LOCAL:
        path, emails = ("alarms", "emails"), list(settings.alarms.emails)
        yield Problem(path, emails, "must not be set", f"Nobody sends e-mails in the stack {LOCAL}.")


RULES = (Rule(_prometheus, ("network", "alarms")), Rule(_emails))
