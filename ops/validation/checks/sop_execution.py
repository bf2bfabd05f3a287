"""The execution of an SOP is logged, and only the company's own Brain recalls it."""

from __future__ import annotations

from ops.probing.containers import BRAIN
from ops.validation.checks.memory import foreign_queries, mixed, proven
from ops.validation.marker import RATE
from ops.validation.results import Verdict, passed
from ops.validation.run import Run, shown
from ops.validation.target import Target

RECALL, LOGGED = "recall_delegation_patterns", "experience"


def check(run: Run, target: Target) -> Verdict:
    if not run.proofs.get((LOGGED, target)):
        _log_and_recall(run, target)
    marker = run.marker(target)
    for place, company in foreign_queries(run, target):
        arguments = {"task_type": marker.experience["task_type"], "company": company}
        answer = run.ask_brain(place, RECALL, arguments)
        if marker.agent in answer:
            raise mixed(run, place, target, company, f"{RECALL}: {shown(answer)}")
    detail = f"logged, and recalled ({RATE})"
    if not run.others(target):
        return passed(detail)
    return proven(run, target, LOGGED, _log_and_recall, f"{detail}; no other company recalls it")


def _log_and_recall(run: Run, target: Target) -> bool:
    """Raises Failure when the Brain does not recall what was logged."""
    marker = run.marker(target)
    run.ask_brain(target, "log_experience", marker.experience)
    arguments = {"task_type": marker.experience["task_type"], "company": marker.folder}
    answer = run.ask_brain(target, RECALL, arguments)
    if not any(marker.agent in line and RATE in line for line in answer.splitlines()):
        raise target.failure(
            BRAIN,
            f"the Brain of {target.name} does not recall the SOP execution that was logged: {RECALL} should"
            f" answer “{marker.agent}: {RATE}”, it answers: {shown(answer)}",
        )
    run.proofs[LOGGED, target] = True
    return True
