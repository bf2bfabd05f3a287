"""What one company stores, no other can query: neither in another's Brain, nor under another's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ops.validation import application
from ops.validation.marks import Mark
from ops.validation.run import Run, shown, who
from ops.validation.sites import Site
from ops.validation.verdicts import Failure, Status, Verdict, not_applicable, passed


def judge(run: Run, site: Site) -> Verdict:
    mark, others = run.mark(site), run.others(site)
    if not others:
        return not_applicable("no other company was chosen")
    questions = list(elsewhere(run, site))
    for place, company in questions:
        answer = run.query(place, mark, company)
        if mark.token in answer:
            raise mixed(place, site, company, mark, f"brain_query: {shown(answer)}")
    brains = len({place for place, _ in questions})
    told = f"{len(questions)} questions to {brains} Brains: none finds what {site.company} stored"
    return proven(run, site, "memory", application.stores, told)


def proven(run: Run, site: Site, kind: str, proof: Callable[[Run, Site], object], told: str) -> Verdict:
    """Whether the others' Brains would have found it: only those that find what they store (`proof`)."""
    others = run.others(site)
    silent = [one for one in others if not _proves(run, one, kind, proof)]
    if not silent:
        return passed(told)
    names = ", ".join(who(one) for one in silent)
    if len(silent) < len(others):
        return passed(f"{told}; this proves nothing of {names}, which stores nothing now")
    detail = f"{told}, but that proves nothing: no other Brain ({names}) finds what it stores itself"
    return Verdict(status=Status.NOT_TRIED, detail=detail)


def _proves(run: Run, place: Site, kind: str, proof: Callable[[Run, Site], object]) -> bool:
    if (kind, place) not in run.proofs:
        try:
            run.proofs[kind, place] = place.standby() is None and bool(proof(run, place))
        except Failure:
            run.proofs[kind, place] = False
    return run.proofs[kind, place]


def elsewhere(run: Run, site: Site) -> Iterator[tuple[Site, str]]:
    """Every Brain with every name under which it must not know what this company stored here."""
    for name in {name for other in run.others(site) for name in (other.company, run.mark(other).space)}:
        yield site, name
    for other in run.others(site):
        own = run.mark(site).space
        for name in (own, site.company, run.mark(other).space, other.company):
            yield other, name


def mixed(place: Site, site: Site, company: str, mark: Mark, said: str) -> Failure:
    """A Brain that answered what it must not know."""
    whose = "its own Brain" if place is site else f"the Brain of {who(place)}"
    return Failure(
        f"the Brain mixes companies: what {who(site)} stored as {mark.space} was found in {whose}, asked as"
        f" {company} ({said})",
        place.look("brain"),
    )
