"""The execution of an SOP is logged, and recalled in the right company alone."""

from __future__ import annotations

from ops.validation.isolation import elsewhere, mixed
from ops.validation.marks import RATE
from ops.validation.run import Run, shown, who
from ops.validation.sites import Site
from ops.validation.verdicts import Failure, Verdict, passed

RECALL = "recall_delegation_patterns"


def recalled(run: Run, site: Site) -> Verdict:
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
    for place, company in elsewhere(run, site):
        answer = run.brain(place, RECALL, {"task_type": told["task_type"], "company": company})
        if mark.agent in answer:
            raise mixed(place, site, company, mark, f"{RECALL}: {shown(answer)}")
    return passed(f"logged, and recalled ({RATE}); no other company recalls it")
