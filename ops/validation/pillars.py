"""The execution of an SOP is logged, and recalled in the right company alone."""

from __future__ import annotations

from ops.validation.isolation import elsewhere, mixed, proven
from ops.validation.marks import RATE
from ops.validation.run import Run, shown, who
from ops.validation.sites import Site
from ops.validation.verdicts import Failure, Verdict, passed

RECALL = "recall_delegation_patterns"


def recalled(run: Run, site: Site) -> Verdict:
    if not run.proofs.get(("experience", site)):
        _recalls(run, site)
    mark = run.mark(site)
    for place, company in elsewhere(run, site):
        answer = run.brain(place, RECALL, {"task_type": mark.experience["task_type"], "company": company})
        if mark.agent in answer:
            raise mixed(place, site, company, mark, f"{RECALL}: {shown(answer)}")
    told = f"logged, and recalled ({RATE})"
    if not run.others(site):
        return passed(told)
    return proven(run, site, "experience", _recalls, f"{told}; no other company recalls it")


def _recalls(run: Run, site: Site) -> bool:
    """Raises Failure for a Brain that does not recall what was logged."""
    mark = run.mark(site)
    told = mark.experience
    run.brain(site, "log_experience", told)
    answer = run.brain(site, RECALL, {"task_type": told["task_type"], "company": mark.space})
    if not any(mark.agent in line and RATE in line for line in answer.splitlines()):
        raise Failure(
            f"the Brain of {who(site)} does not recall the SOP execution that was logged: {RECALL} should say"
            f" “{mark.agent}: {RATE}”, it says: {shown(answer)}",
            site.look("brain"),
        )
    run.proofs["experience", site] = True
    return True
