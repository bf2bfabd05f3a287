"""When a step happened for each subject, within a part of the record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ops.drill.observe.lanes import healthy_state, subjects
from ops.drill.observe.record import UNKNOWN, Answer, BucketSnapshot, Lane, View
from ops.drill.scenario import MemoryMode, Scenario, Tenant

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
        answers = self.view.answers
        return [one for one in answers if one.company == tenant.namespace and self.contains(one.asked)]


Finder = Callable[[Window], Times]


def moving(scenario: Scenario) -> list[str]:
    return [tenant.namespace for tenant in scenario.moving]


def state_since(
    lane: Lane,
    *,
    healthy: bool,
    of: Callable[[Scenario], Iterable[str]] | None = None,
    lasting: bool = True,
) -> Finder:
    """When each subject became healthy, or the contrary, and stayed so; without `lasting`: the first time.

    `of`: the subjects; by default all of the lane.
    """

    def find(window: Window) -> Times:
        chosen = of(window.scenario) if of else subjects(lane, window.scenario)
        return {one: _since(window, lane, one, healthy=healthy, lasting=lasting) for one in chosen}

    return find


def first_failed_answer(window: Window) -> Times:
    return _each_moving(window, lambda tenant: gap_of(window, tenant).began)


def lasting_answer(*, home: bool) -> Finder:
    """When the first good answer came, from the region or from another, after which there were no others."""

    def find(window: Window, tenant: Tenant) -> float | None:
        came = None
        for one in window.answers(tenant):
            fits = one.ok and (one.region == window.scenario.region) is home
            came = (one.came if came is None else min(came, one.came)) if fits else None
        return came

    return lambda window: _each_moving(window, lambda tenant: find(window, tenant))


def memory_found(window: Window) -> Times:
    """When the next region's Brain first knew a marker, or its bucket had a snapshot where no Brain takes the
    memory over."""

    def find(tenant: Tenant) -> float | None:
        observed = window.view.found if tenant.follows else window.view.snapshots
        times = [
            one.at
            for one in observed
            if one.company == tenant.namespace and one.region != tenant.home and window.contains(one.at)
            if isinstance(one, BucketSnapshot) or (one.home and not one.diverged)
        ]
        return min(times, default=None)

    replicated = [one for one in window.scenario.moving if one.memory is not MemoryMode.LOCAL]
    return {tenant.namespace: find(tenant) for tenant in replicated}


def memory_complete(window: Window) -> Times:
    """When each marker that was ever stored had been found again."""

    def find(tenant: Tenant) -> float | None:
        stored = stored_markers(window.view, tenant)
        missing = set(stored)
        for one in window.view.found:
            if one.company == tenant.namespace and one.at >= window.begin:
                missing -= one.markers
                if stored and not missing:
                    return one.at
        return None

    return _each_moving(window, find)


def stored_markers(view: View, tenant: Tenant) -> set[tuple[str, int]]:
    return {(one.writer, one.number) for one in view.stored if one.company == tenant.namespace}


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
    answers = window.answers(tenant)
    failed = [one for one in answers if not one.ok]
    good = [one.came for one in answers if failed and one.ok and one.asked > failed[-1].asked]
    return Gap(
        company=tenant.namespace,
        failed=len(failed),
        began=failed[0].asked if failed else None,
        ended=min(good, default=None),
    )


def _each_moving(window: Window, find: Callable[[Tenant], float | None]) -> Times:
    return {tenant.namespace: find(tenant) for tenant in window.scenario.moving}


def _since(window: Window, lane: Lane, subject: str, *, healthy: bool, lasting: bool) -> float | None:
    state = healthy_state(lane, window.scenario)
    at: float | None = None
    for change in window.view.of(lane, subject):
        if change.at >= window.end or change.state == UNKNOWN:
            continue
        if (change.state == state) is healthy:
            at = change.at if at is None else at
        elif lasting or change.at < window.begin:
            at = None
    # A state that was reached before counts from the beginning.
    return None if at is None else max(at, window.begin)
