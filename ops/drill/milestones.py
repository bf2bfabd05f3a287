"""From what was seen to when each step happened, for each company: pure functions of a View.

A step of the outage is looked for between the marks BEGUN and ENDED, one of the return between ENDED and
STOPPED. Most steps count from the last time that they became true: an endpoint that comes back once more was
not gone before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ops.drill.record import (
    ANSWER,
    BEGUN,
    CLEAR,
    ENDED,
    FAIL,
    NONE,
    OK,
    READY,
    SET,
    STOPPED,
    SYSTEM,
    UNKNOWN,
    Answer,
    Copied,
    Found,
    Lane,
    Stored,
    View,
    Writer,
)
from ops.drill.scene import Keeping, Scene, Tenant


class Step(StrEnum):
    """In the order in which they are told. The value is what people read."""

    CLIENT_FAILS = "first failed answer"
    PROBE_FAILS = "first failed probe"
    FLAG = "flag set"
    FLAGS = "flag set in every company"
    ENDPOINTS = "no endpoint ready"
    HEALTH = "health path fails"
    DNS = "DNS answers another region"
    CLIENT = "good answers from another region"
    MEMORY = "memory found there"

    ALIVE = "workloads answer again"
    PROBE_ANSWERS = "probes succeed again"
    CLEAR = "flag cleared"
    CLEARS = "flag cleared in every company"
    ENDPOINTS_BACK = "endpoints ready again"
    HEALTH_BACK = "health path succeeds"
    DNS_BACK = "DNS answers the region again"
    CLIENT_BACK = "traffic is back"
    MEMORY_BACK = "nothing of the memory lost"


OUTAGE = (
    Step.CLIENT_FAILS,
    Step.PROBE_FAILS,
    Step.FLAG,
    Step.FLAGS,
    Step.ENDPOINTS,
    Step.HEALTH,
    Step.DNS,
    Step.CLIENT,
    Step.MEMORY,
)
NOT_AWAITED = (Step.CLIENT_FAILS,)
"""An outage that no client notices is no fault."""


@dataclass(frozen=True, kw_only=True)
class Milestone:
    step: Step
    times: Mapping[str, float | None]
    """By company, or of what is asked: seconds of the drill's clock, None where it was not observed."""

    @property
    def at(self) -> float | None:
        """When it was so for all; of the first failed answer: for the first."""
        known = [one for one in self.times.values() if one is not None]
        if self.step in NOT_AWAITED:
            return min(known, default=None)
        return max(known) if known and len(known) == len(self.times) else None

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(subject for subject, at in self.times.items() if at is None)


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The time in which a client had no answers that last."""

    company: str
    failed: int
    """Answers that were none."""
    began: float | None
    """When the first of them was asked for; None where none failed."""
    ended: float | None
    """When the first good answer came after which none failed; None: none came."""

    @property
    def seconds(self) -> float | None:
        if self.failed == 0:
            return 0.0
        return None if self.ended is None or self.began is None else self.ended - self.began


def outage(scene: Scene, view: View) -> tuple[Milestone, ...]:
    span = _Span(scene, view, view.mark(BEGUN), view.mark(ENDED))
    moving = scene.moving
    paths = [f"{host}{path}" for host, path in scene.health]
    return (
        _of(Step.CLIENT_FAILS, moving, lambda one: gap_of(view, one, span.begin, span.end).began),
        span.since(Step.PROBE_FAILS, Lane.PROBES, [SYSTEM], _is(FAIL), lasting=False),
        span.since(Step.FLAG, Lane.FLAG, [SYSTEM], _is(SET)),
        span.since(Step.FLAGS, Lane.FLAG, scene.namespaces, _is(SET)),
        span.since(Step.ENDPOINTS, Lane.ENDPOINTS, scene.namespaces, _is(NONE)),
        span.since(Step.HEALTH, Lane.HEALTH, paths, _is_not(OK)),
        span.since(Step.DNS, Lane.DNS, _names(moving), _is_not(scene.region)),
        _of(Step.CLIENT, moving, span.first_lasting(lambda answer: answer.region != scene.region)),
        _of(Step.MEMORY, [one for one in moving if one.keeping is not Keeping.STAYS], span.found),
    )


def comeback(scene: Scene, view: View) -> tuple[Milestone, ...]:
    span = _Span(scene, view, view.mark(ENDED), view.mark(STOPPED))
    paths = [f"{host}{path}" for host, path in scene.health]
    moving = scene.moving
    return (
        span.since(Step.ALIVE, Lane.WORKLOADS, scene.namespaces, _is(ANSWER), lasting=False),
        span.since(Step.PROBE_ANSWERS, Lane.PROBES, [SYSTEM], _is(ANSWER)),
        span.since(Step.CLEAR, Lane.FLAG, [SYSTEM], _is(CLEAR)),
        span.since(Step.CLEARS, Lane.FLAG, scene.namespaces, _is(CLEAR)),
        span.since(Step.ENDPOINTS_BACK, Lane.ENDPOINTS, scene.namespaces, _is(READY)),
        span.since(Step.HEALTH_BACK, Lane.HEALTH, paths, _is(OK)),
        span.since(Step.DNS_BACK, Lane.DNS, _names(moving), _is(scene.region)),
        _of(Step.CLIENT_BACK, moving, span.first_lasting(lambda answer: answer.region == scene.region)),
        _of(Step.MEMORY_BACK, moving, span.back),
    )


def gap_of(view: View, tenant: Tenant, begin: float, end: float) -> Gap:
    """Of a company's client, among the answers that it asked for between two times."""
    asked = [one for one in view.answers if one.company == tenant.namespace and begin <= one.asked < end]
    failed = [one for one in asked if not one.ok]
    if not failed:
        return Gap(company=tenant.namespace, failed=0, began=None, ended=None)
    good = [one.came for one in asked if one.ok and one.asked > failed[-1].asked]
    return Gap(
        company=tenant.namespace, failed=len(failed), began=failed[0].asked, ended=min(good, default=None)
    )


def follows(tenant: Tenant) -> bool:
    return tenant.moves and tenant.keeping is Keeping.FOLLOWS


def newest_found(view: View, tenant: Tenant, begin: float, end: float) -> Stored | None:
    """Of the memories that the home region's Brain said it had stored: the last that another one knew."""
    known = {
        number
        for one in view.found
        if one.company == tenant.namespace and one.region != tenant.home and begin <= one.at < end
        for number in one.home
    }
    stored = [
        one
        for one in view.stored
        if one.company == tenant.namespace and one.writer is Writer.HOME and one.number in known
    ]
    return max(stored, key=lambda one: one.number, default=None)


def stored_by(view: View, tenant: Tenant) -> frozenset[tuple[Writer, int]]:
    return frozenset((one.writer, one.number) for one in view.stored if one.company == tenant.namespace)


def lost_for_good(view: View, tenant: Tenant) -> frozenset[tuple[Writer, int]]:
    """What was stored and is, after the return, in no memory that was asked, and not set aside either."""
    after = [one for one in view.found if one.company == tenant.namespace and one.at >= view.mark(ENDED)]
    return stored_by(view, tenant).difference(*map(_found_in, after))


def is_back(view: View, tenant: Tenant) -> bool:
    """Whether the company's Brain answers questions again where it did at first."""
    return any(
        one.company == tenant.namespace and one.region == tenant.home and not one.aside
        for one in view.found
        if one.at >= view.mark(ENDED)
    )


def _found_in(one: Found) -> set[tuple[Writer, int]]:
    return {(writer, number) for writer in Writer for number in one.of(writer)}


class _Span:
    """A part of what was seen."""

    def __init__(self, scene: Scene, view: View, begin: float, end: float) -> None:
        self._scene, self._view, self.begin, self.end = scene, view, begin, end

    def since(
        self,
        step: Step,
        lane: Lane,
        subjects: Iterable[str],
        wanted: Callable[[str], bool],
        *,
        lasting: bool = True,
    ) -> Milestone:
        """When each subject came to a wanted state, and, if it has to last, stayed in it."""
        return Milestone(
            step=step,
            times={subject: self._since(lane, subject, wanted, lasting) for subject in subjects},
        )

    def first_lasting(self, there: Callable[[Answer], bool]) -> Callable[[Tenant], float | None]:
        """When the first good answer came from a region that is meant, with only such ones after it."""

        def find(tenant: Tenant) -> float | None:
            came = None
            for one in self._view.answers:
                if one.company == tenant.namespace and self.begin <= one.asked < self.end:
                    fits = one.ok and there(one)
                    came = (one.came if came is None else min(came, one.came)) if fits else None
            return came

        return find

    def found(self, tenant: Tenant) -> float | None:
        """When the next region's Brain first knew what was stored; or its bucket, where no Brain will."""
        looked = self._view.found if follows(tenant) else self._view.copies
        times = [
            one.at
            for one in looked
            if one.company == tenant.namespace and one.region != tenant.home
            if self.begin <= one.at < self.end
            if isinstance(one, Copied) or (one.home and not one.aside)
        ]
        return min(times, default=None)

    def back(self, tenant: Tenant) -> float | None:
        """When all that was ever stored had been found again."""
        wanted = stored_by(self._view, tenant)
        missing = set(wanted)
        for one in self._view.found:
            if one.company == tenant.namespace and one.at >= self.begin:
                missing -= _found_in(one)
                if wanted and not missing:
                    return one.at
        return None

    def _since(self, lane: Lane, subject: str, wanted: Callable[[str], bool], lasting: bool) -> float | None:
        at: float | None = None
        for one in self._view.changes:
            if (one.lane, one.subject) != (lane, subject) or one.at >= self.end or one.state == UNKNOWN:
                continue
            if wanted(one.state):
                at = one.at if at is None else at
            elif lasting or one.at < self.begin:
                at = None
        # What was so before is so from the beginning on.
        return None if at is None else max(at, self.begin)


def _of(step: Step, tenants: Iterable[Tenant], find: Callable[[Tenant], float | None]) -> Milestone:
    return Milestone(step=step, times={one.namespace: find(one) for one in tenants})


def _names(tenants: Iterable[Tenant]) -> list[str]:
    return [one.namespace for one in tenants]


def _is(state: str) -> Callable[[str], bool]:
    return lambda seen: seen == state


def _is_not(state: str) -> Callable[[str], bool]:
    return lambda seen: seen != state
