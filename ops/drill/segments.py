"""What was seen, as pieces of time: what the report tells and the page draws. Pure functions of a View."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ops.drill.record import (
    ANSWER,
    BEGUN,
    CLEAR,
    DEAD,
    ENDED,
    FAIL,
    NONE,
    OK,
    READY,
    RESTORED,
    SET,
    STOPPED,
    SYSTEM,
    UNKNOWN,
    Change,
    Lane,
    View,
)
from ops.drill.scene import Scene, Tenant

LEAD_SECONDS = 4.0
"""What is shown from before the outage."""


class Look(StrEnum):
    """How a piece of time is drawn."""

    HOME = "home"
    AWAY = "away"
    BAD = "bad"
    TOLD = "told"
    """The platform knows that the region is down, and says so."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Segment:
    begin: float
    end: float
    look: Look
    text: str
    title: str
    """More of it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    lane: str
    label: str
    segments: tuple[Segment, ...]
    promise: float | None = None
    """Until when the first piece should be over, by the promise."""


WORDS = {
    (Lane.PROBES, ANSWER): (Look.HOME, "answer"),
    (Lane.PROBES, FAIL): (Look.BAD, "fail"),
    (Lane.WORKLOADS, ANSWER): (Look.HOME, "answer"),
    (Lane.WORKLOADS, FAIL): (Look.BAD, "silent"),
    (Lane.FLAG, CLEAR): (Look.HOME, "clear"),
    (Lane.FLAG, SET): (Look.TOLD, "set"),
    (Lane.ENDPOINTS, READY): (Look.HOME, "ready"),
    (Lane.ENDPOINTS, NONE): (Look.TOLD, "none"),
    (Lane.HEALTH, OK): (Look.HOME, "200"),
    (Lane.HEALTH, DEAD): (Look.BAD, "dead"),
}
TITLES = {
    Lane.PROBES: "controller's probes",
    Lane.WORKLOADS: "workloads",
    Lane.FLAG: "failed-regions",
    Lane.ENDPOINTS: "Agent endpoints",
    Lane.HEALTH: "health path",
    Lane.DNS: "DNS answer",
}


def rows(scene: Scene, view: View, outage: str) -> list[Row]:
    """From the outage to the end, lane by lane; companies that saw the same stand in one row."""
    begun = view.mark(BEGUN)
    limits = scene.limits
    everyone, paths = scene.namespaces, [f"{host}{path}" for host, path in scene.health]
    return [
        Row(lane="outage", label=scene.region, segments=(_outage(view, outage),)),
        *_lane(scene, view, Lane.WORKLOADS, everyone),
        *_lane(scene, view, Lane.PROBES, [SYSTEM]),
        *_lane(scene, view, Lane.FLAG, [SYSTEM, *everyone], begun + limits.flag),
        *_lane(scene, view, Lane.ENDPOINTS, everyone, begun + limits.endpoints),
        *_lane(scene, view, Lane.HEALTH, paths),
        *_lane(scene, view, Lane.DNS, everyone),
        *(
            Row(
                lane="clients",
                label=tenant.namespace,
                segments=tuple(client(scene, view, tenant)),
                promise=begun + limits.gap if tenant.moves else None,
            )
            for tenant in scene.tenants
        ),
        *(
            Row(lane="memory", label=tenant.namespace, segments=tuple(memory(view, tenant)))
            for tenant in scene.moving
        ),
    ]


def client(scene: Scene, view: View, tenant: Tenant) -> list[Segment]:
    """A client's answers, those alike taken together."""
    begin, end = view.mark(BEGUN) - LEAD_SECONDS, view.mark(STOPPED)
    found: list[Segment] = []
    count = 0
    for one in view.answers:
        if one.company != tenant.namespace or not begin <= one.asked < end:
            continue
        look = (Look.HOME if one.region == tenant.home else Look.AWAY) if one.ok else Look.BAD
        text = one.region if one.ok else one.detail
        if found and (found[-1].look, found[-1].text) == (look, text):
            count += 1
            last = found.pop()
            began = last.begin
        else:
            count, began = 1, one.asked
            if found:
                found[-1] = _ended(found[-1], one.asked)
        title = f"{count} answers from {one.region}: {one.detail}"
        found.append(Segment(begin=began, end=one.came, look=look, text=text, title=title))
    return [*found[:-1], _ended(found[-1], end)] if found else []


def memory(view: View, tenant: Tenant) -> list[Segment]:
    """Where a company's memories were stored, and from when on they were found."""
    begin, end, stop = view.mark(BEGUN), view.mark(ENDED), view.mark(STOPPED)
    stored = [one for one in view.stored if one.company == tenant.namespace and one.region == tenant.home]
    known = [one for one in view.found if one.company == tenant.namespace]
    away = [one for one in known if begin <= one.at < end and one.home]
    back = [one for one in known if one.at >= end]
    found = []
    if stored:
        first, title = begin - LEAD_SECONDS, f"{len(stored)} stored in {tenant.home}"
        last = max(first, stored[-1].at)
        found.append(Segment(begin=first, end=last, look=Look.HOME, text="stored", title=title))
    for ones, until, look in ((away, end, Look.AWAY), (back, stop, Look.HOME)):
        if ones:
            count = f"{len(ones[-1].home)} stored before, {len(ones[-1].away)} meanwhile"
            title = f"found in {ones[0].region}: {count}"
            found.append(Segment(begin=ones[0].at, end=until, look=look, text="found", title=title))
    return found


def _outage(view: View, what: str) -> Segment:
    begin, end = view.mark(BEGUN), view.mark(ENDED)
    title = f"{what}: {end - begin:.1f} s, put back {view.mark(RESTORED) - end:.1f} s later"
    return Segment(begin=begin, end=end, look=Look.BAD, text=what.partition(":")[0], title=title)


def _lane(
    scene: Scene, view: View, lane: Lane, subjects: Sequence[str], promise: float | None = None
) -> list[Row]:
    groups: dict[tuple[tuple[Look, str, int], ...], list[tuple[str, tuple[Segment, ...]]]] = {}
    for subject in subjects:
        segments = tuple(_segments(scene, view, lane, subject))
        # Times that differ by less than a glance can tell are the same.
        key = tuple((one.look, one.text, round(one.begin)) for one in segments)
        groups.setdefault(key, []).append((subject, segments))
    return [
        Row(
            lane=TITLES[lane],
            label=_label(scene, [name for name, _ in group]),
            segments=max((segments for _, segments in group), key=_starts),
            promise=promise,
        )
        for group in groups.values()
    ]


def _label(scene: Scene, subjects: Sequence[str]) -> str:
    """Who is meant, shortly: companies by name unless it is all of them, a health path by its path."""
    companies = [name for name in subjects if name in scene.namespaces]
    if len(companies) == len(scene.namespaces) > 1:
        return "all companies"
    if subjects == [SYSTEM]:
        return ""
    return ", ".join(name.partition("/healthz/")[2] or name for name in subjects if name)


def _starts(segments: tuple[Segment, ...]) -> list[float]:
    return [one.begin for one in segments]


def _segments(scene: Scene, view: View, lane: Lane, subject: str) -> list[Segment]:
    begin, end = view.mark(BEGUN) - LEAD_SECONDS, view.mark(STOPPED)
    found: list[Segment] = []
    for one in view.changes:
        if (one.lane, one.subject) != (lane, subject) or one.at >= end:
            continue
        look, text = _word(scene, one)
        at = max(one.at, begin)
        if found:
            found[-1] = _ended(found[-1], at)
        if found and found[-1].begin == found[-1].end:
            found.pop()
        title = text + (f": {one.detail}" if one.detail else "")
        found.append(Segment(begin=at, end=end, look=look, text=text, title=title))
    return found


def _word(scene: Scene, one: Change) -> tuple[Look, str]:
    if one.state == UNKNOWN:
        return Look.UNKNOWN, "?"
    if one.lane is Lane.DNS:
        return (Look.HOME if one.state == _home(scene, one.subject) else Look.AWAY), one.state
    return WORDS.get((one.lane, one.state), (Look.TOLD, one.state))


def _home(scene: Scene, subject: str) -> str:
    return next((one.home for one in scene.tenants if one.namespace == subject), scene.region)


def _ended(one: Segment, end: float) -> Segment:
    return Segment(begin=one.begin, end=end, look=one.look, text=one.text, title=one.title)
