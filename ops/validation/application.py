"""Whether there is an application to check: it answers, and its Brain finds what it stores."""

from __future__ import annotations

import time

from ops import mcp_client
from ops.mcp_client import McpError
from ops.validation.run import Run, shown, who
from ops.validation.sites import Site
from ops.validation.verdicts import Failure, Verdict, passed


def answers(run: Run, site: Site) -> Verdict:
    site.open()
    for url, container in ((site.brain, "brain"), (site.health_monitor, "health-monitor")):
        try:
            mcp_client.health(url)
        except McpError as error:
            raise Failure(f"the {container} of {who(site)}: {error}", site.look(container)) from error
    return passed("Brain and health monitor answer on /health")


def stores(run: Run, site: Site) -> Verdict:
    """Store the run's memory, as the company `Mark.space` inside the company's Brain."""
    mark = run.mark(site)
    said = run.brain(site, "brain_store", mark.memory)
    run.stored[site] = time.monotonic()
    if (answer := run.finds(site, mark)) is not None:
        raise Failure(
            f"the Brain of {who(site)} does not find what it has just stored (brain_store: {shown(said)};"
            f" brain_query: {shown(answer)})",
            site.look("brain"),
        )
    if not (files := site.files(mark.space)):
        raise Failure(
            f"the Brain of {who(site)} stored a memory, but not on its volume as the company's own: there is"
            f" no folder {mark.space} in .agent/brain. It mixes companies, or keeps them elsewhere",
            site.look("brain"),
        )
    run.proofs["memory", site] = True
    return passed(f"a memory is stored as {mark.space} ({files} files on the volume), and found")
