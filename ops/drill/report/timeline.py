"""The timeline of a run: rows of segments, for the document and the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from ops.drill.evaluate.steps import SPECS, Step
from ops.drill.faults.kinds import DESCRIPTIONS, NAMES, FaultKind
from ops.drill.observe.indicators import INDICATORS, Fill, subjects
from ops.drill.observe.record import (
    BEGUN,
    ENDED,
    RESTORED,
    STOPPED,
    SYSTEM,
    UNKNOWN,
    Answer,
    Change,
    Indicator,
    View,
    of_company,
)
from ops.drill.scenario import Scenario, Tenant

Bar = tuple[Fill, str]
"""Fill and text."""
LEAD_SECONDS = 4.0
"""Of the time before the outage, the timeline shows this much."""
PROMISED = {Indicator.FLAG: Step.FLAG, Indicator.ENDPOINTS: Step.ENDPOINTS}
"""The step that ends the first segment of an indicator."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    begin: float
    end: float
    fill: Fill
    text: str
    title: str
    """The longer text."""


@dataclass(frozen=True, kw_only=True)
class Row:
    group: str
    label: str
    segments: tuple[Segment, ...]
    promise: float | None = None
    """When the first segment should have ended at the latest."""


def rows(scenario: Scenario, view: View, fault: FaultKind) -> list[Row]:
    """From the outage to the end of the run. Companies whose states changed alike share one row."""
    indicators = [
        row for spec in INDICATORS for row in _indicator_rows(scenario, view, spec.title, spec.indicator)
    ]
    dns = _indicator_rows(scenario, view, "name leads to", Indicator.DNS)
    clients = [
        Row(
            group="clients",
            label=tenant.namespace,
            segments=tuple(client_segments(scenario, view, tenant)),
            promise=_promise(scenario, view, Step.CLIENT) if tenant in scenario.leaving else None,
        )
        for tenant in scenario.tenants
    ]
    memories = [
        Row(group="memory", label=tenant.namespace, segments=tuple(memory_segments(view, tenant)))
        for tenant in scenario.moving
    ]
    outage = Row(group="outage", label=scenario.zone or scenario.region, segments=(_outage(view, fault),))
    return [outage, *indicators, *dns, *clients, *memories]


def client_segments(scenario: Scenario, view: View, tenant: Tenant) -> list[Segment]:
    """A client's answers; equal ones in a row are one segment."""
    begin, end = view.mark(BEGUN) - LEAD_SECONDS, view.mark(STOPPED)
    answers = [each for each in of_company(view.answers, tenant.namespace) if begin <= each.asked < end]

    def bar(answer: Answer) -> Bar:
        fill = Fill.USUAL if answer.region == tenant.usual_region else Fill.OTHER
        return (fill, answer.region) if answer.ok else (Fill.BAD, answer.detail)

    moments = {}
    for (fill, text), group in groupby(answers, bar):
        first, *others = group
        last = others[-1] if others else first
        title = f"{1 + len(others)} answers from {last.region}: {last.detail}"
        moments[first.asked] = (fill, text), title
    return _segments(moments, end)


def memory_segments(view: View, tenant: Tenant) -> list[Segment]:
    """Where a company's markers were stored, and from when on Brains knew them."""
    begun, ended, stopped = view.mark(BEGUN), view.mark(ENDED), view.mark(STOPPED)
    stored = [
        each for each in of_company(view.stored, tenant.namespace) if each.region == tenant.usual_region
    ]
    findings = of_company(view.findings, tenant.namespace)
    segments = []
    if stored:
        first, title = begun - LEAD_SECONDS, f"{len(stored)} stored in {tenant.usual_region}"
        last = max(first, stored[-1].at)
        segments.append(Segment(begin=first, end=last, fill=Fill.USUAL, text="stored", title=title))
    elsewhere = [finding for finding in findings if begun <= finding.at < ended and finding.before]
    back = [finding for finding in findings if finding.at >= ended]
    for answers, until, fill in ((elsewhere, ended, Fill.OTHER), (back, stopped, Fill.USUAL)):
        if answers:
            count = f"{len(answers[-1].before)} stored before, {len(answers[-1].during)} meanwhile"
            title = f"found in {answers[0].region}: {count}"
            segments.append(Segment(begin=answers[0].at, end=until, fill=fill, text="found", title=title))
    return segments


def _outage(view: View, fault: FaultKind) -> Segment:
    begin, end = view.mark(BEGUN), view.mark(ENDED)
    seconds, restoring = end - begin, view.mark(RESTORED) - end
    title = f"{DESCRIPTIONS[fault]}: {seconds:.1f} s, put back {restoring:.1f} s later"
    return Segment(begin=begin, end=end, fill=Fill.BAD, text=NAMES[fault], title=title)


def _bar(indicator: Indicator, scenario: Scenario, change: Change) -> Bar:
    if change.state == UNKNOWN:
        return Fill.UNKNOWN, "?"
    if indicator is Indicator.DNS:
        usual = next(tenant.usual_region for tenant in scenario.tenants if tenant.namespace == change.subject)
        return (Fill.USUAL if change.state == usual else Fill.OTHER), change.state
    bars = next(spec.bars for spec in INDICATORS if spec.indicator is indicator)
    return bars.get(change.state, (Fill.FLAGGED, change.state))


def _indicator_rows(scenario: Scenario, view: View, title: str, indicator: Indicator) -> list[Row]:
    groups: defaultdict[object, dict[str, list[Segment]]] = defaultdict(dict)
    for subject in subjects(indicator, scenario):
        segments = _changes(scenario, view, indicator, subject)
        # Times that differ by less than the eye sees are the same.
        key = tuple((segment.fill, segment.text, round(segment.begin)) for segment in segments)
        groups[key][subject] = segments
    return [
        Row(
            group=title,
            label=_label(scenario, list(group)),
            segments=tuple(max(group.values(), key=lambda segments: [segment.begin for segment in segments])),
            promise=_promise(scenario, view, PROMISED.get(indicator)),
        )
        for group in groups.values()
    ]


def _promise(scenario: Scenario, view: View, step: Step | None) -> float | None:
    promise = SPECS[step].promise if step and scenario.region_fails else None
    return view.mark(BEGUN) + promise.limit(scenario.limits) if promise else None


def _label(scenario: Scenario, names: Sequence[str]) -> str:
    """Companies by name unless all are meant; health paths by their last part."""
    if len(set(names) & set(scenario.namespaces)) == len(scenario.namespaces) > 1:
        return "all companies"
    short = {f"{host}{path}": path.removeprefix("/healthz/") for host, path in scenario.health}
    return ", ".join(short.get(name, name) for name in names if name != SYSTEM)


def _changes(scenario: Scenario, view: View, indicator: Indicator, subject: str) -> list[Segment]:
    begin, end = view.mark(BEGUN) - LEAD_SECONDS, view.mark(STOPPED)
    moments = {}
    for change in view.of(indicator, subject):
        if change.at < end:
            fill, text = _bar(indicator, scenario, change)
            title = f"{text}: {change.detail}" if change.detail else text
            moments[max(change.at, begin)] = (fill, text), title
    return _segments(moments, end)


def _segments(moments: Mapping[float, tuple[Bar, str]], end: float) -> list[Segment]:
    """Each moment's bar and title last until the next moment."""
    ends = [*list(moments)[1:], end]
    return [
        Segment(begin=begin, end=until, fill=fill, text=text, title=title)
        for (begin, ((fill, text), title)), until in zip(moments.items(), ends, strict=False)
    ]
