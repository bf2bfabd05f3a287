"""The verdicts on a run: each step that did not happen, each limited time, and what must never happen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ops.drill.evaluate import memory
from ops.drill.evaluate.kept import KEPT_SPAN, kept_gaps
from ops.drill.evaluate.milestones import (
    Milestone,
    outage_milestones,
    outage_window,
    return_milestones,
    return_window,
)
from ops.drill.evaluate.steps import SPECS, Measure, Promise, Step
from ops.drill.evaluate.times import Gap, Window, gap_of
from ops.drill.evaluate.verdict import Verdict, within_limit
from ops.drill.observe.record import BEGUN, ENDED, READY, SET, STOPPED, SYSTEM, Indicator, View
from ops.drill.scenario import Scenario

ELSEWHERE_SECONDS = 5
"""Without an answer, for clients that are in another region all the time: one unlucky request."""
GATED_SPAN = "endpoints ready though flagged"
ELSEWHERE_SPAN = "clients of other regions without an answer"
OTHER_ZONES_SPAN = "clients of other zones and regions without an answer"
OPEN = "region stays open"

Reasons = Mapping[tuple[Step, str], str]
"""Why a step did not happen, by step and subject, as diagnosed while it did not."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The outage, or the return."""

    window: Window
    milestones: tuple[Milestone, ...]
    gaps: tuple[Gap, ...]
    """One of each company."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    outage: Part
    on_return: Part
    ages: Mapping[str, float | None]
    """By company: age of the newest memory found elsewhere when the outage began; None: none was found."""
    moved_ages: Mapping[str, float | None]
    """The same of the memory that came back in another zone, in companies whose Brain was there."""
    kept: tuple[Gap, ...]
    """Of clients that keep DNS answers, one of each company whose clients leave the region."""
    hold_down: float
    """Seconds for which the controllers held the region down because it had failed before."""
    verdicts: tuple[Verdict, ...] = ()

    @property
    def ok(self) -> bool:
        return all(verdict.ok for verdict in self.verdicts)

    @property
    def failures(self) -> tuple[str, ...]:
        """The lines of all broken verdicts, then those that follow from them."""
        broken = [verdict for verdict in self.verdicts if not verdict.ok]
        lines = dict.fromkeys(verdict.line for verdict in broken if verdict.line)
        followed = dict.fromkeys(str(verdict.what) for verdict in broken if not verdict.line)
        if not followed:
            return tuple(lines)
        return (*lines, f"therefore not observed either: {', '.join(followed)}")

    def at(self, step: Step) -> float | None:
        milestones = (*self.outage.milestones, *self.on_return.milestones)
        return next((milestone.at for milestone in milestones if milestone.step is step), None)


def evaluate(
    scenario: Scenario, view: View, reasons: Reasons, required_rounds: int | None, *, cut_off: bool = False
) -> Evaluation:
    """`required_rounds`: of serving, before the controller cleared the flag; None: not known. `cut_off`: the
    region's nodes could not learn of the flag.
    """
    evaluation = Evaluation(
        outage=_part(outage_window(scenario, view), outage_milestones(scenario, view)),
        on_return=_part(return_window(scenario, view), return_milestones(scenario, view)),
        ages=memory.ages(scenario, view),
        moved_ages=memory.moved_ages(scenario, view),
        kept=kept_gaps(scenario, view),
        hold_down=max(0, (required_rounds or 0) - scenario.recovery_rounds) * scenario.interval,
    )
    verdicts = (
        *_missing_steps(scenario, evaluation, reasons),
        *_promises(scenario, view, evaluation),
        *_longest_gap(KEPT_SPAN, evaluation.kept, scenario.limits.kept),
        *_clients_elsewhere(scenario, evaluation),
        *([] if cut_off else [_gated(scenario, view)]),
        *_region_open(scenario, view),
        *memory.age(scenario, evaluation.ages, found=evaluation.at(Step.MEMORY) is not None),
        *memory.moved_age(scenario, evaluation.moved_ages),
        *memory.kept(scenario, view),
        *memory.isolation(view),
    )
    return replace(evaluation, verdicts=verdicts)


def _part(window: Window, milestones: tuple[Milestone, ...]) -> Part:
    gaps = tuple(gap_of(window, tenant) for tenant in window.scenario.tenants)
    return Part(window=window, milestones=milestones, gaps=gaps)


def _missing_steps(scenario: Scenario, evaluation: Evaluation, reasons: Reasons) -> Iterator[Verdict]:
    """A step whose cause did not happen either has no line of its own."""
    missing: set[Step] = set()
    for part, event in (
        (evaluation.outage, "the outage began"),
        (evaluation.on_return, "the outage ended"),
    ):
        for milestone in part.milestones:
            if milestone.missing and milestone.spec.missing:
                missing.add(milestone.step)
                caused = milestone.spec.cause in missing
                line = "" if caused else _line(scenario, evaluation, part, event, milestone, reasons)
                yield Verdict(what=milestone.step, ok=False, line=line)


def _line(
    scenario: Scenario,
    evaluation: Evaluation,
    part: Part,
    event: str,
    milestone: Milestone,
    reasons: Reasons,
) -> str:
    """The sentence for the first subject for which the step did not happen. `event`: the part's beginning."""
    spec, subject = milestone.spec, milestone.missing[0]
    since = evaluation.at(spec.cause) if spec.cause else None
    if spec.cause and since is not None:
        event = SPECS[spec.cause].event
    passed = part.window.end - (part.window.begin if since is None else since)
    others = f" (and {len(milestone.missing) - 1} more)" if len(milestone.missing) > 1 else ""
    sentence = spec.missing.format(subject=subject, region=scenario.region)
    reason = reasons.get((milestone.step, subject), "")
    return f"{sentence} {passed:.0f} s after {event}{others}{f': {reason}' if reason else ''}"


def _promises(scenario: Scenario, view: View, evaluation: Evaluation) -> Iterator[Verdict]:
    """One verdict for each promise of the table of steps."""
    leaving = {tenant.namespace for tenant in scenario.leaving}
    for part in (evaluation.outage, evaluation.on_return):
        gaps = [gap for gap in part.gaps if gap.company in leaving]
        for milestone in part.milestones:
            if promise := milestone.spec.promise:
                limit = promise.limit(scenario.limits)
                if promise.measure is Measure.GAP:
                    yield from _longest_gap(promise.span, gaps, limit)
                else:
                    yield within_limit(promise.span, *_measured(promise, milestone, view, evaluation), limit)


def _measured(
    promise: Promise, milestone: Milestone, view: View, evaluation: Evaluation
) -> tuple[float | None, str]:
    """Seconds, and what the report adds to them."""
    if promise.measure is Measure.FROM_OUTAGE:
        return _between(view.mark(BEGUN), milestone.at), ""
    if promise.measure is Measure.FROM_RETURN:
        return _between(view.mark(ENDED), milestone.at), ""
    seconds = _between(evaluation.at(Step.ALIVE), milestone.at)
    hold_down = evaluation.hold_down
    note = f" beyond {hold_down:.0f} s of hold-down" if hold_down else ""
    return None if seconds is None else max(0.0, seconds - hold_down), note + _flagged_again(view)


def _flagged_again(view: View) -> str:
    ended = view.mark(ENDED)
    again = [
        change.at for change in view.of(Indicator.FLAG, SYSTEM) if change.state == SET and change.at > ended
    ]
    return f" (the flag was set again {again[0] - ended:.0f} s after the outage ended)" if again else ""


def _clients_elsewhere(scenario: Scenario, evaluation: Evaluation) -> Iterator[Verdict]:
    disturbed = {*scenario.moved, *(each.namespace for each in scenario.leaving)}
    both = (*evaluation.outage.gaps, *evaluation.on_return.gaps)
    gaps = [gap for gap in both if gap.company not in disturbed]
    span = ELSEWHERE_SPAN if scenario.region_fails else OTHER_ZONES_SPAN
    for verdict in _longest_gap(span, gaps, ELSEWHERE_SECONDS):
        # No step stands for these clients, so an endless gap has its line here.
        endless = f"{span} ({_longest(gaps).company}): until the run ended"
        yield replace(verdict, line=endless) if verdict.seconds is None else verdict


def _longest_gap(span: str, gaps: Sequence[Gap], limit: float) -> Iterator[Verdict]:
    if gaps:
        gap = _longest(gaps)
        note = f" ({gap.company}, {gap.failed} failed answers)" if gap.failed else ""
        yield within_limit(span, gap.seconds, note, limit)


def _longest(gaps: Sequence[Gap]) -> Gap:
    return max(gaps, key=lambda gap: float("inf") if gap.seconds is None else gap.seconds)


def _gated(scenario: Scenario, view: View) -> Verdict:
    """A flag keeps clients out even where the application answers: the company with the longest overlap."""
    overlaps = {name: _overlap(view, name) for name in scenario.namespaces}
    longest = max(overlaps, key=overlaps.__getitem__)
    seconds, limit = overlaps[longest], scenario.limits.endpoints - scenario.limits.flag
    line = (
        f"endpoints of agent-{scenario.region} in {longest} were ready for {seconds:.1f} s though the flag"
        f" was set, at most {limit:g} s: readiness ignores the flag"
    )
    ok = seconds <= limit
    return Verdict(what=GATED_SPAN, seconds=seconds, limit=limit, ok=ok, line="" if ok else line)


def _overlap(view: View, namespace: str) -> float:
    """The longest time for which a company's endpoints were certainly ready and its flag certainly set."""
    flags = _periods(view, Indicator.FLAG, namespace, SET)
    ready = _periods(view, Indicator.ENDPOINTS, namespace, READY)
    both = (min(first[1], second[1]) - max(first[0], second[0]) for first in flags for second in ready)
    return max([0.0, *both])


def _periods(view: View, indicator: Indicator, subject: str, state: str) -> list[tuple[float, float]]:
    """From the observation that saw the state to the last that still did."""
    changes = view.of(indicator, subject)
    ends = [*(change.since for change in changes[1:]), view.mark(STOPPED)]
    return [(change.at, end) for change, end in zip(changes, ends, strict=False) if change.state == state]


def _region_open(scenario: Scenario, view: View) -> Iterator[Verdict]:
    """A region is flagged for the loss of a zone only where most of its companies are there."""
    if not scenario.region_fails:
        began = view.mark(BEGUN)
        flagged = [each for each in view.of(Indicator.FLAG, SYSTEM) if each.state == SET and each.at > began]
        line = ""
        if flagged:
            line = (
                f"{scenario.region} was flagged {flagged[0].at - began:.0f} s after it lost a zone, though"
                " most of its companies have their volumes in other zones"
            )
        yield Verdict(what=OPEN, ok=not line, line=line)


def _between(begin: float | None, end: float | None) -> float | None:
    return None if begin is None or end is None else max(0.0, end - begin)
