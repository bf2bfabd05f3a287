"""In each region that follows this region, the gate has staged what was stored here, ready to take over."""

from __future__ import annotations

from ops.probing.containers import BRAIN
from ops.terminal import wait_until
from ops.validation.pod_target import PodTarget
from ops.validation.results import Verdict, not_applicable, passed
from ops.validation.run import Run
from runtime.gate.restore.staged import STAGED

POLL_SECONDS = 3.0


def check(run: Run, target: PodTarget) -> Verdict:
    if target.store(BRAIN) is None:
        return not_applicable("replication is off")
    standbys = [
        other
        for other in run.targets
        if isinstance(other, PodTarget) and other.company == target.company and other is not target
        if target.region in other.follows(BRAIN) and other.standby_reason()
    ]
    if not standbys:
        return not_applicable("no other region follows this region's memory now")
    interval = target.stack.settings.replication.sync_interval
    limit = 2 * interval + run.limits.upload_slack + (0.0 if target.aws.local else run.limits.standby)
    return passed(f"staged in {', '.join(_staged(run, target, standby, limit) for standby in standbys)}")


def _staged(run: Run, target: PodTarget, standby: PodTarget, limit: float) -> str:
    """Where the marker is staged, and since when."""
    folder = run.marker(target).folder
    # Staged, or active already: a standby swaps its files for the primary's now and then.
    folders = [f"{STAGED}/{folder}", folder]

    def is_there() -> bool:
        return any(standby.brain.run("volume", {"count": folders})["files"].values())

    what = f"{standby.region} has staged what {target.name} stored"
    seconds = wait_until(is_there, limit, what, POLL_SECONDS)
    if seconds is None:
        raise standby.brain.failure(
            f"the standby {standby.name} has staged nothing of what {target.region} stored: {folders[0]} is"
            f" not on its volume after {limit:.0f} s; {standby.brain.report()}",
        )
    return f"{standby.region} after {seconds:.0f} s"
