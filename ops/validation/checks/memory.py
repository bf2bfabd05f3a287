"""No other company can query what a company stores: neither in another Brain, nor under another name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ops.probing.containers import BRAIN
from ops.probing.failure import Failure
from ops.validation.checks import stores_and_finds
from ops.validation.results import Status, Verdict, not_applicable, passed
from ops.validation.run import Run, shown
from ops.validation.target import Target


def check(run: Run, target: Target) -> Verdict:
    if not run.others(target):
        return not_applicable("no other company was chosen")
    marker, queries = run.marker(target), list(foreign_queries(run, target))
    for place, company in queries:
        answer = run.query(place, marker, company)
        if marker.token in answer:
            raise mixed(run, place, target, company, f"brain_query: {shown(answer)}")
    brains = len({place for place, _ in queries})
    detail = f"{len(queries)} queries to {brains} Brains: none finds what {target.company} stored"
    return proven(run, target, "memory", stores_and_finds.check, detail)


def foreign_queries(run: Run, target: Target) -> Iterator[tuple[Target, str]]:
    """Every Brain, with every company name under which it must not know what this company stored."""
    own = run.marker(target).folder
    for name in {name for other in run.others(target) for name in (other.company, run.marker(other).folder)}:
        yield target, name
    for other in run.others(target):
        for name in (own, target.company, run.marker(other).folder, other.company):
            yield other, name


def mixed(run: Run, place: Target, target: Target, company: str, answer: str) -> Failure:
    """For a Brain that returned another company's data."""
    whose = "its own Brain" if place is target else f"the Brain of {place.name}"
    return place.failure(
        BRAIN,
        f"the Brain mixes companies: what {target.name} stored as {run.marker(target).folder} was found in"
        f" {whose}, asked as {company} ({answer})",
    )


def proven(
    run: Run, target: Target, kind: str, proof: Callable[[Run, Target], object], detail: str
) -> Verdict:
    """Passed if another company's Brain finds its own marker: a Brain that finds nothing proves nothing."""
    others = run.others(target)
    silent = [other for other in others if not _finds_own(run, other, kind, proof)]
    if not silent:
        return passed(detail)
    names = ", ".join(other.name for other in silent)
    if len(silent) < len(others):
        return passed(f"{detail}; this proves nothing about {names}, where nothing can be stored now")
    detail = f"{detail}, but that proves nothing: no other Brain ({names}) finds what it stores itself"
    return Verdict(status=Status.NOT_TRIED, detail=detail)


def _finds_own(run: Run, place: Target, kind: str, proof: Callable[[Run, Target], object]) -> bool:
    if (kind, place) not in run.proofs:
        try:
            run.proofs[kind, place] = place.standby_reason() is None and bool(proof(run, place))
        except Failure:
            run.proofs[kind, place] = False
    return run.proofs[kind, place]
