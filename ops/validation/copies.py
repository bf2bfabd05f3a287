"""What is stored is copied: into a whole checkpoint of the own bucket, and to the standby regions."""

from __future__ import annotations

import time
from collections.abc import Callable

from ops.memory import AGENT, BRAIN
from ops.validation.checkpoints import read
from ops.validation.pod_sites import PodSite
from ops.validation.run import Run, waited, who
from ops.validation.verdicts import Failure, Verdict, not_applicable, passed
from ops.vault import Stored
from runtime.gate.restore.staged import STAGED
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.storage.keys import CheckpointId

POLL_SECONDS = 1.0
FOLLOWER_POLL_SECONDS = 3.0


def copied(run: Run, site: PodSite) -> Verdict:
    """Brain and Agent: a write is in a checkpoint within the interval and some slack."""
    if site.vault(BRAIN) is None:
        return not_applicable("replication is off")
    told = []
    if site in run.stored:
        space = f"{run.mark(site).space}/"
        told.append(_copied(run, site, BRAIN, lambda path: path.startswith(space)))
    if site.proposals:
        told.append(_copied(run, site, AGENT, site.proposals.__contains__))
    return passed("; ".join(told)) if told else not_applicable(site.standby() or "nothing was stored")


def _copied(run: Run, site: PodSite, component: str, ours: Callable[[str], bool]) -> str:
    vault = site.vault(component)
    assert vault is not None
    began = run.stored.get(site, time.monotonic()) if component == BRAIN else time.monotonic()
    interval = site.stack.settings.replication.sync_interval
    limit = max(POLL_SECONDS, began + interval + run.limits.copy_slack - time.monotonic())
    seen, found = set[CheckpointId](), list[Checkpoint]()

    def is_copied() -> bool:
        for id in sorted(vault.own_ids() - seen, reverse=True)[:1]:
            seen.add(id)
            checkpoint = read(site, vault, id)
            if any(map(ours, checkpoint.files)):
                found.append(checkpoint)
        return bool(found)

    what = f"the {component} of {who(site)} is copied"
    if waited(is_copied, limit, what, POLL_SECONDS) is None:
        passed_since = time.monotonic() - began
        raise Failure(
            f"the gate copies nothing: what the {component} of {who(site)} stored {passed_since:.0f} s ago is"
            f" in no checkpoint of s3://{vault.memory.bucket}/{vault.memory.prefix} (interval {interval} s;"
            f" newest {vault.newest() or 'none'}); {site.gate_says(component)}",
            site.look_at_gate(component),
        )
    judged = vault.list().judge(Stored(writer=site.region, id=found[0].id))
    if not judged.whole:
        raise Failure(
            f"the copy of the {component} of {who(site)} is not whole: {found[0].id}: {judged.state}",
            site.look_at_gate(component),
        )
    return f"{component} in {found[0].id}, within {time.monotonic() - began:.0f} s"


def followed(run: Run, site: PodSite) -> Verdict:
    """In each region that follows this one, its gate holds what was stored here, ready to take over."""
    followers = [
        one
        for one in run.sites
        if isinstance(one, PodSite) and one.company == site.company and one is not site
        if site.region in one.memory_plan(BRAIN).follows and one.standby()
    ]
    if site.vault(BRAIN) is None:
        return not_applicable("replication is off")
    if not followers:
        return not_applicable("no other region follows this one's memory now")
    interval = site.stack.settings.replication.sync_interval
    limit = 2 * interval + run.limits.copy_slack + (0.0 if site.aws.local else run.limits.standby)
    return passed(f"held ready by {', '.join(_held(run, site, one, limit) for one in followers)}")


def _held(run: Run, site: PodSite, follower: PodSite, limit: float) -> str:
    """Where what the site stored is held ready, and since when."""
    space = run.mark(site).space
    # Beside its memory, or in it: a standby takes the serving memory over now and then.
    folders = [f"{STAGED}/{space}", space]

    def is_held() -> bool:
        return any(follower.in_gate(BRAIN, "volume", {"count": folders}).values())

    what = f"{follower.region} holds what {who(site)} stored"
    seconds = waited(is_held, limit, what, FOLLOWER_POLL_SECONDS)
    if seconds is None:
        raise Failure(
            f"the standby of {who(follower)} holds nothing of what {site.region} stored: {folders[0]} is not"
            f" on its volume after {limit:.0f} s; {follower.gate_says(BRAIN)}",
            follower.look_at_gate(BRAIN),
        )
    return f"{follower.region} after {seconds:.0f} s"
