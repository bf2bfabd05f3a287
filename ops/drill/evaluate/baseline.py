"""Whether everything observed before the outage is healthy."""

from __future__ import annotations

from collections.abc import Iterator

from ops.drill.observe.indicators import INDICATORS, subjects
from ops.drill.observe.record import UNKNOWN, Indicator, View, of_company
from ops.drill.scenario import MemoryMode, Scenario, Tenant

RECENT_SECONDS = 2.0
"""A client's answers of this time have to be good."""


def baseline_problems(scenario: Scenario, view: View, now: float) -> list[str]:
    return [*_indicators(scenario, view), *_names(scenario, view), *_clients(scenario, view, now)]


def has_snapshot(view: View, tenant: Tenant) -> bool:
    """Whether the next region's bucket has a snapshot that was made after the first marker was stored."""
    if tenant.memory is MemoryMode.LOCAL or tenant.failover_region is None:
        return True
    stored = [marker.at for marker in of_company(view.stored, tenant.namespace)]
    made = [snapshot.created for snapshot in of_company(view.snapshots, tenant.namespace)]
    return bool(stored and made) and max(made) > min(stored)


def _indicators(scenario: Scenario, view: View) -> Iterator[str]:
    for spec in INDICATORS:
        for subject in subjects(spec.indicator, scenario):
            where, now = f"{subject}: " if subject else "", view.state(spec.indicator, subject)
            if now is None:
                yield f"{where}{spec.indicator} not observed yet"
            elif now.state == UNKNOWN:
                yield f"{where}{spec.indicator} cannot be observed: {now.detail}"
            elif now.state != spec.healthy:
                detail = f" ({now.detail})" if now.detail else ""
                yield f"{where}{spec.unhealthy.format(region=scenario.region)}{detail}"


def _names(scenario: Scenario, view: View) -> Iterator[str]:
    for tenant in scenario.tenants:
        now = view.state(Indicator.DNS, tenant.namespace)
        if now is None:
            yield f"{tenant.namespace}: {tenant.host} not resolved yet"
        elif now.state != tenant.usual_region:
            yield f"{tenant.host} leads to {now.state} {now.detail}: it should lead to {tenant.usual_region}"


def _clients(scenario: Scenario, view: View, now: float) -> Iterator[str]:
    for tenant in scenario.tenants:
        answers = of_company(view.answers, tenant.namespace)
        recent = [answer for answer in answers if answer.came > now - RECENT_SECONDS]
        if not recent:
            yield f"{tenant.namespace}: no client has got an answer yet"
        elif failed := [answer for answer in recent if not answer.ok]:
            last = failed[-1]
            yield f"{tenant.namespace}: a client got no answer from {last.region}: {last.detail}"
