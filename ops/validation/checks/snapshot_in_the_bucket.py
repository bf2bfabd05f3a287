"""What a Brain and an Agent store is in a complete checkpoint of the region's bucket, within the interval."""

from __future__ import annotations

import time
from collections.abc import Callable

from ops.checkpoints import CheckpointStore, Stored
from ops.probing.containers import AGENT, BRAIN
from ops.terminal import wait_until
from ops.validation.pod_target import PodTarget
from ops.validation.results import Verdict, not_applicable, passed
from ops.validation.run import Run
from runtime.gate.storage.keys import CheckpointId

POLL_SECONDS = 1.0


def check(run: Run, target: PodTarget) -> Verdict:
    folder, details = f"{run.marker(target).folder}/", []
    brain, agent = target.store(BRAIN), target.store(AGENT)
    if brain is None or agent is None:
        return not_applicable("replication is off")
    if target in run.stored_at:
        details.append(_uploaded(run, target, brain, lambda path: path.startswith(folder)))
    if target.proposals:
        details.append(_uploaded(run, target, agent, target.proposals.__contains__))
    if not details:
        return not_applicable(target.standby_reason() or "nothing was stored")
    return passed("; ".join(details))


def _uploaded(run: Run, target: PodTarget, store: CheckpointStore, is_marker: Callable[[str], bool]) -> str:
    component, now = store.memory.component, time.monotonic()
    began = run.stored_at.get(target, now) if component == BRAIN else now
    interval = target.stack.settings.replication.sync_interval
    limit = max(POLL_SECONDS, began + interval + run.limits.upload_slack - now)
    seen, uploaded = set[CheckpointId](), list[CheckpointId]()

    def is_uploaded() -> bool:
        for id in sorted(store.own_ids() - seen, reverse=True)[:1]:
            seen.add(id)
            if any(map(is_marker, target.checkpoint(store, id).files)):
                uploaded.append(id)
        return bool(uploaded)

    what = f"the gate uploads the {component} of {target.name}"
    if wait_until(is_uploaded, limit, what, POLL_SECONDS) is None:
        raise target.pods[component].failure(
            f"the gate uploads nothing: what the {component} of {target.name} stored"
            f" {time.monotonic() - began:.0f} s ago is in no checkpoint of"
            f" s3://{store.memory.bucket}/{store.memory.prefix} (interval {interval} s; newest"
            f" {store.newest() or 'none'}); {target.pods[component].report()}",
        )
    inspected = store.list().inspect(Stored(writer=target.region, id=uploaded[0]))
    if not inspected.complete:
        raise target.pods[component].failure(
            f"the checkpoint {uploaded[0]} of the {component} of {target.name} is not complete:"
            f" {inspected.state}",
        )
    return f"{component} in {uploaded[0]}, within {time.monotonic() - began:.0f} s"
