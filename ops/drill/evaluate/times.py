"""When a step happened for each subject, within a part of the record."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ops.drill.observe.indicators import healthy_state, subjects
from ops.drill.observe.record import ENDED, UNKNOWN, Answer, Indicator, View, Writer, of_company
from ops.drill.scenario import MemoryMode, Scenario, Tenant
from ops.probing.containers import BRAIN

Times = Mapping[str, float | None]
"""By subject; None: not observed."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """What was observed from `begin` to `end`."""

    scenario: Scenario
    view: View
    begin: float
    end: float

    def contains(self, at: float) -> bool:
        return self.begin <= at < self.end

    def answers(self, tenant: Tenant) -> list[Answer]:
        """To requests of the company's client in this window."""
        answers = of_company(self.view.answers, tenant.namespace)
        return [answer for answer in answers if self.contains(answer.asked)]


Finder = Callable[[Window], Times]


def leaving(scenario: Scenario) -> list[str]:
    return [tenant.namespace for tenant in scenario.leaving]


def state_since(
    indicator: Indicator,
    *,
    healthy: bool,
    of: Callable[[Scenario], Iterable[str]] | None = None,
    lasting: bool = True,
) -> Finder:
    """When each subject became healthy, or the contrary, and stayed so; without `lasting`: the first time.

    `of`: the subjects; by default all of the indicator.
    """

    def find(window: Window) -> Times:
        chosen = of(window.scenario) if of else subjects(indicator, window.scenario)
        return {each: _since(window, indicator, each, healthy=healthy, lasting=lasting) for each in chosen}

    return find


def first_failed_answer(window: Window) -> Times:
    return _each_moving(window, lambda tenant: gap_of(window, tenant).began)


def lasting_answer(*, back: bool) -> Finder:
    """When the first good answer came after which all came from the same side: with `back` from the region of
    the outage, else from another one."""

    def find(window: Window, tenant: Tenant) -> float | None:
        came = None
        for answer in window.answers(tenant):
            fits = answer.ok and (answer.region == window.scenario.region) is back
            came = (answer.came if came is None else min(came, answer.came)) if fits else None
        return came

    def times(window: Window) -> Times:
        tenants = window.scenario.moving if back else window.scenario.leaving
        return {tenant.namespace: find(window, tenant) for tenant in tenants}

    return times


def memory_found(window: Window) -> Times:
    """When the next region's Brain first knew a marker, or its bucket had a snapshot where no Brain takes the
    memory over."""

    def find(tenant: Tenant) -> float | None:
        if tenant.follows:
            findings = of_company(window.view.findings, tenant.namespace)
            seen = [(each.region, each.at) for each in findings if each.before and not each.diverged]
        else:
            seen = [(each.region, each.at) for each in of_company(window.view.snapshots, tenant.namespace)]
        return min(
            (at for region, at in seen if region != tenant.usual_region and window.contains(at)), default=None
        )

    replicated = [each for each in window.scenario.leaving if each.memory is not MemoryMode.LOCAL]
    return {tenant.namespace: find(tenant) for tenant in replicated}


def memory_complete(*, moved: bool) -> Finder:
    """When each marker that has to be there had been found again. `moved`: in Brains whose volume was lost
    with its zone, else in the others.
    """

    def find(window: Window, tenant: Tenant) -> float | None:
        stored = stored_markers(window.view, tenant)
        missing = expected_markers(window.scenario, window.view, tenant)
        for finding in of_company(window.view.findings, tenant.namespace):
            if finding.at >= window.begin:
                missing -= finding.markers
                if stored and not missing:
                    return finding.at
        return None

    def times(window: Window) -> Times:
        scenario = window.scenario
        chosen = [each for each in scenario.moving if scenario.loses(each.namespace, BRAIN) is moved]
        return {tenant.namespace: find(window, tenant) for tenant in chosen}

    return times


def stored_markers(view: View, tenant: Tenant) -> set[tuple[str, int]]:
    return {(marker.writer, marker.number) for marker in of_company(view.stored, tenant.namespace)}


def expected_markers(scenario: Scenario, view: View, tenant: Tenant) -> set[tuple[str, int]]:
    """Stored markers that have to be somewhere after the return. Where the Brain's volume was lost with its
    zone, those that are newer than its newest snapshot are not expected: the age of what came back counts
    them.
    """
    stored = stored_markers(view, tenant)
    if not scenario.loses(tenant.namespace, BRAIN):
        return stored
    newest = newest_back(view, tenant)
    return {(by, number) for by, number in stored if by != Writer.BEFORE or number <= newest}


def newest_back(view: View, tenant: Tenant) -> int:
    """The last marker of before the outage that the usual region's Brain knows after it; 0: none."""
    back = [each for each in of_company(view.findings, tenant.namespace) if each.at >= view.mark(ENDED)]
    return max((number for each in back for number in each.before), default=0)


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The time for which a client had no lasting answer."""

    company: str
    failed: int
    """Failed answers."""
    began: float | None
    """When the first failed answer was asked for; None without one."""
    ended: float | None
    """When the first good answer came after which none failed; None without one."""

    @property
    def seconds(self) -> float | None:
        if self.failed == 0:
            return 0.0
        return None if self.ended is None or self.began is None else self.ended - self.began


def gap_of(window: Window, tenant: Tenant) -> Gap:
    return gap_in(window.answers(tenant), tenant)


def gap_in(answers: Sequence[Answer], tenant: Tenant, before: float = math.inf) -> Gap:
    """Of the answers to one client of the company. An answer that was asked for at `before` or later may end
    a gap, and begins none.
    """
    failed = [answer for answer in answers if not answer.ok and answer.asked < before]
    good = [answer.came for answer in answers if failed and answer.ok and answer.asked > failed[-1].asked]
    return Gap(
        company=tenant.namespace,
        failed=len(failed),
        began=failed[0].asked if failed else None,
        ended=min(good, default=None),
    )


def _each_moving(window: Window, find: Callable[[Tenant], float | None]) -> Times:
    return {tenant.namespace: find(tenant) for tenant in window.scenario.moving}


def _since(
    window: Window, indicator: Indicator, subject: str, *, healthy: bool, lasting: bool
) -> float | None:
    state = healthy_state(indicator, window.scenario)
    at: float | None = None
    for change in window.view.of(indicator, subject):
        if change.at >= window.end or change.state == UNKNOWN:
            continue
        if (change.state == state) is healthy:
            at = change.at if at is None else at
        elif lasting or change.at < window.begin:
            at = None
    # A state that was reached before counts from the beginning.
    return None if at is None else max(at, window.begin)
