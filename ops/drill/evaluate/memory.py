"""The verdicts on companies' memories: how old what came back was, what is lost, whether it is their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ops.drill.evaluate.milestones import lost_markers, newest_found, outage_window
from ops.drill.evaluate.steps import Step
from ops.drill.evaluate.times import newest_back, stored_markers
from ops.drill.evaluate.verdict import Verdict, within_limit
from ops.drill.observe.record import BEGUN, View, Writer, of_company
from ops.drill.scenario import MemoryMode, Scenario, Tenant
from ops.probing.containers import BRAIN

AGE_SPAN = "age of the memory found there"
MOVED_AGE_SPAN = "age of the memory that came back in another zone"
ISOLATION = "memory of its own company alone"

Ages = Mapping[str, float | None]
"""Seconds by company; None: no memory was found."""


def ages(scenario: Scenario, view: View) -> Ages:
    """Of the newest memory found elsewhere, when the outage began."""
    replicated = [each for each in scenario.leaving if each.memory is not MemoryMode.LOCAL]
    return {tenant.namespace: _age(scenario, view, tenant) for tenant in replicated}


def moved_ages(scenario: Scenario, view: View) -> Ages:
    """The same of the memory that came back in another zone, in companies whose Brain was in the lost one."""
    moved = [each for each in scenario.moving if scenario.loses(each.namespace, BRAIN)]
    return {tenant.namespace: _moved_age(view, tenant) for tenant in moved}


def _age(scenario: Scenario, view: View, tenant: Tenant) -> float | None:
    if tenant.follows:
        newest = newest_found(outage_window(scenario, view), tenant)
        made = None if newest is None else newest.at
    else:
        snapshots = (snapshot.created for snapshot in of_company(view.snapshots, tenant.namespace))
        made = max(snapshots, default=None)
    return None if made is None else max(0.0, view.mark(BEGUN) - made)


def _moved_age(view: View, tenant: Tenant) -> float | None:
    newest = newest_back(view, tenant)
    stored = of_company(view.stored, tenant.namespace)
    made = [each.at for each in stored if each.writer is Writer.BEFORE and each.number == newest]
    return max(0.0, view.mark(BEGUN) - made[0]) if made else None


def age(scenario: Scenario, ages: Ages, *, found: bool) -> Iterator[Verdict]:
    """`found`: in every company. Where no memory was found, the missing step has the line."""
    if not ages:
        return
    known = [age for age in ages.values() if age is not None]
    if len(known) == len(ages):
        yield within_limit(AGE_SPAN, max(known), "", scenario.limits.age)
        return
    names = ", ".join(name for name, age in ages.items() if age is None)
    line = f"{AGE_SPAN}: no marker that {names} was known to have stored" if found else ""
    yield Verdict(what=AGE_SPAN, limit=scenario.limits.age, ok=False, line=line)


def moved_age(scenario: Scenario, ages: Ages) -> Iterator[Verdict]:
    """Where none came back, the missing step has the line."""
    if ages:
        known = [age for age in ages.values() if age is not None]
        oldest = max(known) if len(known) == len(ages) else None
        yield within_limit(MOVED_AGE_SPAN, oldest, "", scenario.limits.age)


def kept(scenario: Scenario, view: View) -> Iterator[Verdict]:
    for tenant in scenario.moving:
        line = ""
        moved = scenario.loses(tenant.namespace, BRAIN)
        if lost := lost_markers(scenario, view, tenant):
            line = _lost(tenant, lost, scenario)
        elif not stored_markers(view, tenant):
            line = f"the drill could store nothing as {tenant.namespace}"
        yield Verdict(what=Step.MEMORY_MOVED if moved else Step.MEMORY_BACK, ok=not line, line=line)


def _lost(tenant: Tenant, lost: set[tuple[str, int]], scenario: Scenario) -> str:
    parts = []
    for writer, region in ((Writer.BEFORE, tenant.usual_region), (Writer.DURING, tenant.failover_region)):
        if numbers := sorted(number for by, number in lost if by == writer):
            parts.append(f"{len(numbers)} that {region} had stored ({numbers[0]} to {numbers[-1]})")
    return (
        f"memories of {tenant.namespace} are lost: {' and '.join(parts)}; after the return neither the Brain"
        f" in {scenario.region} nor diverged/ has them"
    )


def isolation(view: View) -> Iterator[Verdict]:
    if mixed := [finding for finding in view.findings if finding.foreign]:
        brains = {(finding.company, finding.region) for finding in mixed}
        others = f" (and {len(brains) - 1} more Brains)" if len(brains) > 1 else ""
        line = (
            f"the Brain of {mixed[0].company} in {mixed[0].region} mixes companies: it returned"
            f" {mixed[0].foreign[0]}{others}"
        )
        yield Verdict(what=ISOLATION, ok=False, line=line)
