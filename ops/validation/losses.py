"""What was stored outlasts a node's restart, and the loss of the volume itself: only with `--destructive`."""

from __future__ import annotations

from ops.memory import BRAIN
from ops.validation import copies, nodes, volumes
from ops.validation.persistence import still_there
from ops.validation.pod_sites import PodSite
from ops.validation.run import Run
from ops.validation.verdicts import Status, Verdict, not_applicable


def node_restarted(run: Run, site: PodSite) -> Verdict:
    pod = site.require_pod(BRAIN)
    name = pod["spec"]["nodeName"]
    node = nodes.node_of(site, name)
    if node is None:
        return not_applicable(f"{name} is neither a node of `make up` nor an EC2 instance")
    before = nodes.started_at(pod, BRAIN)
    node.restart()
    is_new = nodes.started_after(before, BRAIN)
    seconds = site.await_ready(BRAIN, is_new, run.limits.restart)
    done = f"its node {name} restarted, {site.pod_name(BRAIN)} Ready after {seconds:.0f} s"
    return still_there(run, site, done)


def volume_lost(run: Run, site: PodSite) -> Verdict:
    """The volume is deleted and made anew, after its copy was found: the restore has to bring it back."""
    before = copies.copied(run, site)
    if before.status is not Status.PASSED:
        return before
    seconds = volumes.lose(site, BRAIN, run.limits)
    done = (
        f"the volume of {site.pod_name(BRAIN)} was deleted and made anew, it is Ready after {seconds:.0f} s"
    )
    return still_there(run, site, done)
