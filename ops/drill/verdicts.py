"""What of a drill's run held and what did not, each with a line that says why: pure functions of a View."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ops.drill import milestones
from ops.drill.milestones import Gap, Milestone, Step, follows, gap_of, lost_for_good, newest_found
from ops.drill.record import BEGUN, ENDED, READY, SET, STOPPED, SYSTEM, Lane, View, Writer
from ops.drill.scene import Keeping, Scene, Tenant

ELSEWHERE_SECONDS = 5
"""Without an answer, for a company whose clients are in another region all the time: one that was unlucky."""

Why = Mapping[tuple[Step, str], str]
"""What was found out, while it was so, of a step that did not come: by step and subject."""

FLAG_SPAN = "outage to flag"
ENDPOINTS_SPAN = "outage to no ready endpoint"
GAP_SPAN = "client without an answer, outage"
AGE_SPAN = "age of the memory found there"
CLEAR_SPAN = "workloads back to flag cleared"
BACK_SPAN = "workloads back to endpoints ready"
GATED_SPAN = "endpoints ready though flagged"
GAP_BACK_SPAN = "client without an answer, return"
STRANGE = "memory of its own company alone"
ELSEWHERE_SPAN = "clients of other regions without an answer"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    what: str
    seconds: float | None
    """None: not observed, or no time."""
    limit: float | None
    ok: bool
    line: str = ""
    """Why it is not; empty where another one's line says it."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A run, understood."""

    outage: tuple[Milestone, ...]
    comeback: tuple[Milestone, ...]
    gaps: tuple[Gap, ...]
    """During the outage, of each company."""
    gaps_back: tuple[Gap, ...]
    ages: Mapping[str, float | None]
    """By company, of the newest memory found elsewhere when the outage began; None: none was found."""
    hold_down: float
    """Seconds for which the controllers held the region down because it had failed before."""
    verdicts: tuple[Verdict, ...]

    @property
    def ok(self) -> bool:
        return all(one.ok for one in self.verdicts)

    @property
    def faults(self) -> tuple[str, ...]:
        """Why it is not well, and what followed from that."""
        lines = dict.fromkeys(one.line for one in self.verdicts if not one.ok and one.line)
        also = dict.fromkeys(str(one.what) for one in self.verdicts if not one.ok and not one.line)
        return (*lines, *([f"so these were not observed either: {', '.join(also)}"] if also else []))

    def at(self, step: Step) -> float | None:
        return next((one.at for one in (*self.outage, *self.comeback) if one.step is step), None)


def judge(scene: Scene, view: View, why: Why, rounds_asked: int | None, *, cut_off: bool = False) -> Judged:
    """`rounds_asked`: of serving, before the controller cleared the flag; None: it did not say. `cut_off`:
    the region's nodes could not hear of it.
    """
    begin, end, stop = view.mark(BEGUN), view.mark(ENDED), view.mark(STOPPED)
    outage, comeback = milestones.outage(scene, view), milestones.comeback(scene, view)
    hold_down = max(0, (rounds_asked or 0) - scene.recovery_rounds) * scene.interval
    found = Judged(
        outage=outage,
        comeback=comeback,
        gaps=tuple(gap_of(view, one, begin, end) for one in scene.tenants),
        gaps_back=tuple(gap_of(view, one, end, stop) for one in scene.tenants),
        ages={one.namespace: _age(view, one) for one in scene.moving if one.keeping is not Keeping.STAYS},
        hold_down=hold_down,
        verdicts=(),
    )
    verdicts = (
        *_seen(scene, view, found, why),
        *_spans(scene, view, found),
        *([] if cut_off else [_gated(scene, view)]),
        *_memories(scene, view, found),
    )
    return Judged(**{**vars(found), "verdicts": verdicts})


def _age(view: View, tenant: Tenant) -> float | None:
    if not follows(tenant):
        made = [one.made for one in view.copies if one.company == tenant.namespace]
        return max(0.0, view.mark(BEGUN) - max(made)) if made else None
    newest = newest_found(view, tenant, view.mark(BEGUN), view.mark(ENDED))
    return None if newest is None else max(0.0, view.mark(BEGUN) - newest.at)


_AFTER: Mapping[Step, tuple[Step | None, str, str]] = {
    Step.PROBE_FAILS: (None, "no probe of the controller failed", "the outage"),
    Step.FLAG: (Step.PROBE_FAILS, "flag not set", "the first failed probe"),
    Step.FLAGS: (Step.FLAG, "flag not set in {subject}", "it was set in the system namespace"),
    Step.ENDPOINTS: (Step.FLAG, "endpoints of agent-{region} in {subject} still ready", "the flag"),
    Step.HEALTH: (Step.FLAG, "{subject} still says 200", "the flag"),
    Step.DNS: (Step.HEALTH, "DNS still answers {region} for {subject}", "its health path failed"),
    Step.CLIENT: (Step.DNS, "no lasting answer from another region for {subject}", "DNS had moved"),
    Step.MEMORY: (Step.FLAG, "nothing of what {subject} stored was found elsewhere", "the flag"),
    Step.ALIVE: (None, "workloads of {subject} in {region} do not answer", "the end of the outage"),
    Step.PROBE_ANSWERS: (Step.ALIVE, "probes of the controller still fail", "all workloads answered"),
    Step.CLEAR: (Step.PROBE_ANSWERS, "flag not cleared", "the probes succeeded"),
    Step.CLEARS: (Step.CLEAR, "flag not cleared in {subject}", "it was cleared in the system namespace"),
    Step.ENDPOINTS_BACK: (
        Step.CLEAR,
        "endpoints of agent-{region} in {subject} not ready",
        "the flag was cleared",
    ),
    Step.HEALTH_BACK: (Step.CLEAR, "{subject} does not say 200", "the flag was cleared"),
    Step.DNS_BACK: (
        Step.HEALTH_BACK,
        "DNS does not answer {region} for {subject}",
        "its health path succeeded",
    ),
    Step.CLIENT_BACK: (Step.DNS_BACK, "no lasting answer from {region} for {subject}", "DNS had moved back"),
}
"""Of each step that did not come: the step that should have led to it, what is told, and since when."""


def _seen(scene: Scene, view: View, found: Judged, why: Why) -> Iterator[Verdict]:
    """One for each step that had to come and did not. Those that an earlier one should have led to, which did
    not come either, have no line of their own.
    """
    missing = [one for one in (*found.outage, *found.comeback) if one.missing and _had_to_come(one)]
    lacking = {one.step for one in missing}
    for one in missing:
        before = _AFTER[one.step][0]
        line = "" if before in lacking else _line(scene, view, found, one, why)
        yield Verdict(what=one.step, seconds=None, limit=None, ok=False, line=line)


def _had_to_come(one: Milestone) -> bool:
    return one.step not in milestones.NOT_AWAITED and one.step is not Step.MEMORY_BACK


def _line(scene: Scene, view: View, found: Judged, one: Milestone, why: Why) -> str:
    """Of the first subject for which the step did not come."""
    before, text, since = _AFTER[one.step]
    outage, subject = one.step in milestones.OUTAGE, one.missing[0]
    led = None if before is None else found.at(before)
    if led is None:
        led, since = view.mark(BEGUN if outage else ENDED), "the outage" if outage else "its end"
    passed = view.mark(ENDED if outage else STOPPED) - led
    more = f" (and {len(one.missing) - 1} more)" if len(one.missing) > 1 else ""
    because = why.get((one.step, subject), "")
    told = f"{text.format(subject=subject, region=scene.region)} {passed:.0f} s after {since}{more}"
    return f"{told}: {because}" if because else told


def _spans(scene: Scene, view: View, found: Judged) -> Iterator[Verdict]:
    limits, begun = scene.limits, view.mark(BEGUN)
    yield _held(FLAG_SPAN, _between(begun, found.at(Step.FLAG)), limits.flag)
    yield _held(ENDPOINTS_SPAN, _between(begun, found.at(Step.ENDPOINTS)), limits.endpoints)
    moving = {one.namespace for one in scene.moving}
    yield from _gaps(GAP_SPAN, [one for one in found.gaps if one.company in moving], limits.gap)
    alive = found.at(Step.ALIVE)
    for what, step, limit in (
        (CLEAR_SPAN, Step.CLEAR, limits.clear),
        (BACK_SPAN, Step.ENDPOINTS_BACK, limits.back),
    ):
        seconds = _between(alive, found.at(step))
        held = None if seconds is None else max(0.0, seconds - found.hold_down)
        told = f" beyond {found.hold_down:.0f} s of hold-down" if found.hold_down else ""
        yield _held(what, held, limit, told + _again(view))
    yield from _gaps(GAP_BACK_SPAN, [one for one in found.gaps_back if one.company in moving], limits.gap)
    others = [one for one in (*found.gaps, *found.gaps_back) if one.company not in moving]
    yield from _gaps(ELSEWHERE_SPAN, others, ELSEWHERE_SECONDS)


def _gated(scene: Scene, view: View) -> Verdict:
    """A flag keeps clients out even where the application answers: of the company in which it did not."""
    times = {name: _overlap(view, name) for name in scene.namespaces}
    worst = max(times, key=times.__getitem__)
    limit = scene.limits.endpoints - scene.limits.flag
    if times[worst] <= limit:
        return Verdict(what=GATED_SPAN, seconds=times[worst], limit=limit, ok=True)
    line = (
        f"endpoints of agent-{scene.region} in {worst} were ready for {times[worst]:.1f} s though the flag"
        f" was set, at most {limit:g} s: readiness ignores the flag"
    )
    return Verdict(what=GATED_SPAN, seconds=times[worst], limit=limit, ok=False, line=line)


def _overlap(view: View, namespace: str) -> float:
    """The longest time for which a company's endpoints were ready and its flag was set, both for sure."""
    flags = _periods(view, Lane.FLAG, namespace, SET)
    ready = _periods(view, Lane.ENDPOINTS, namespace, READY)
    both = (min(one[1], other[1]) - max(one[0], other[0]) for one in flags for other in ready)
    return max([0.0, *both])


def _periods(view: View, lane: Lane, subject: str, state: str) -> list[tuple[float, float]]:
    """From the look that saw it to the last one that still did."""
    seen = [one for one in view.changes if (one.lane, one.subject) == (lane, subject)]
    ends = [*(one.since for one in seen[1:]), view.mark(STOPPED)]
    return [(one.at, end) for one, end in zip(seen, ends, strict=False) if one.state == state]


def _again(view: View) -> str:
    """Whether the region was given up once more while it came back."""
    again = [
        one
        for one in view.changes
        if (one.lane, one.subject, one.state) == (Lane.FLAG, SYSTEM, SET) and one.at > view.mark(ENDED)
    ]
    return f" (the flag was set again {again[0].at - view.mark(ENDED):.0f} s after the end)" if again else ""


def _memories(scene: Scene, view: View, found: Judged) -> Iterator[Verdict]:
    yield from _ages(scene, found)
    for one in scene.moving:
        lost = lost_for_good(view, one)
        line = _lost(one, lost, scene) if lost else f"the drill could store nothing as {one.namespace}"
        stored = bool(milestones.stored_by(view, one))
        yield Verdict(
            what=Step.MEMORY_BACK,
            seconds=None,
            limit=None,
            ok=stored and not lost,
            line="" if stored and not lost else line,
        )
    if strange := [one for one in view.found if one.strange]:
        first, brains = strange[0], {(one.company, one.region) for one in strange}
        more = f" (and {len(brains) - 1} more Brains)" if len(brains) > 1 else ""
        brain = f"the Brain of {first.company} in {first.region}"
        line = f"{brain} mixes companies: it told of {first.strange[0]}{more}"
        yield Verdict(what=STRANGE, seconds=None, limit=None, ok=False, line=line)


def _ages(scene: Scene, found: Judged) -> Iterator[Verdict]:
    """Where nothing was found, that step's line says it; where what was found tells no age, this one."""
    if not found.ages:
        return
    known = [age for age in found.ages.values() if age is not None]
    if len(known) == len(found.ages):
        yield _held(AGE_SPAN, max(known), scene.limits.age)
        return
    names = ", ".join(name for name, age in found.ages.items() if age is None)
    line = (
        "" if found.at(Step.MEMORY) is None else f"{AGE_SPAN}: nothing that {names} was known to have stored"
    )
    yield Verdict(what=AGE_SPAN, seconds=None, limit=scene.limits.age, ok=False, line=line)


def _lost(tenant: Tenant, lost: frozenset[tuple[Writer, int]], scene: Scene) -> str:
    home, away = (sorted(number for writer, number in lost if writer is one) for one in Writer)
    told = [
        f"{len(numbers)} that {region} had stored ({numbers[0]} to {numbers[-1]})"
        for region, numbers in ((tenant.home, home), (tenant.away, away))
        if numbers
    ]
    return (
        f"memories of {tenant.namespace} are lost: {' and '.join(told)}; after the return neither the Brain"
        f" in {scene.region} nor diverged/ has them"
    )


def _gaps(what: str, gaps: list[Gap], limit: float) -> Iterator[Verdict]:
    """Of the worst client. Of one who moves, a gap without an end has its line with the step that did not
    come.
    """
    if not gaps:
        return
    worst = max(gaps, key=lambda one: float("inf") if one.seconds is None else one.seconds)
    told = f" ({worst.company}, {worst.failed} failed answers)" if worst.failed else ""
    if worst.seconds is None and what == ELSEWHERE_SPAN:
        line = f"{what}{told}: to the end"
        yield Verdict(what=what, seconds=None, limit=limit, ok=False, line=line)
    else:
        yield _held(what, worst.seconds, limit, told)


def _between(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else max(0.0, other - one)


def _held(what: str, seconds: float | None, limit: float, told: str = "") -> Verdict:
    """What was not observed has its line with the step that did not come."""
    ok = seconds is not None and seconds <= limit
    late = seconds is not None and not ok
    line = f"{what}: {seconds:.1f} s{told}, at most {limit:g} s" if late else ""
    return Verdict(what=what, seconds=seconds, limit=limit, ok=ok, line=line)
