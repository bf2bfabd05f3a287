"""What was stored outlasts the Brain's pod, or process."""

from __future__ import annotations

from ops.validation.results import Verdict, passed
from ops.validation.run import Run
from ops.validation.target import Target


def check(run: Run, target: Target) -> Verdict:
    return still_there(run, target, target.restart_brain())


def still_there(run: Run, target: Target, event: str) -> Verdict:
    """Whether the Brain finds its marker after an `event`."""
    problem = f"the Brain of {target.name} forgot: {event}, and what was stored before is not found any more"
    run.require_marker(target, problem)
    return passed(f"{event}; what was stored before is found")
