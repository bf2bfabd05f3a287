"""What was stored outlasts the Brain's pod (only with `--destructive`), or process."""

from __future__ import annotations

from ops.validation.run import Run, shown, who
from ops.validation.sites import Site
from ops.validation.verdicts import Failure, Verdict, passed


def restarted(run: Run, site: Site) -> Verdict:
    return still_there(run, site, site.restart_brain())


def still_there(run: Run, site: Site, done: str) -> Verdict:
    """Whether the Brain knows its mark, after what was `done`."""
    if (answer := run.finds(site, run.mark(site))) is not None:
        raise Failure(
            f"the Brain of {who(site)} forgot: {done}, and what was stored before is not found any more"
            f" (brain_query: {shown(answer)})",
            site.look("brain"),
        )
    return passed(f"{done}; what was stored before is found")
