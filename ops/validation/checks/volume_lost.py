"""What was stored outlasts the loss of the Brain's volume: the gate restores it from the bucket."""

from __future__ import annotations

import time

from ops.probing.containers import BRAIN
from ops.probing.signals import uninterrupted
from ops.probing.volume import VolumeReplacement
from ops.validation.checks import snapshot_in_the_bucket
from ops.validation.checks.restart import still_there
from ops.validation.pod_target import PodTarget
from ops.validation.results import Status, Verdict
from ops.validation.run import Run
from ops.validation.target import Limits


def check(run: Run, target: PodTarget) -> Verdict:
    """The volume is deleted only after a complete checkpoint of it was found."""
    uploaded = snapshot_in_the_bucket.check(run, target)
    if uploaded.status is not Status.PASSED:
        return uploaded
    seconds = lose(target, BRAIN, run.limits)
    pod = target.brain.name
    event = f"the volume of {pod} was deleted and created again, the pod is Ready after {seconds:.0f} s"
    return still_there(run, target, event)


def lose(target: PodTarget, component: str, limits: Limits) -> float:
    """Stop a workload and delete its volume; returns the seconds until its pod is Ready on a new volume.

    Whatever happens on the way, the claim is there again afterwards, and the workload has the replicas that
    it had. Raises Failure and KubernetesError.
    """
    workload, api = f"{component}-{target.region}", target.cluster.api
    replacement = VolumeReplacement.of(target.cluster, target.namespace, workload, limits.start)
    began, volume = time.monotonic(), replacement.volume()
    try:
        replacement.delete_claim()
        if volume and volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain":
            api.call("DELETE", api.path(volume))
        if volume:
            api.wait(volume, None, "deleted", limits.start)
    finally:
        with uninterrupted(f"the volume and the replicas of {replacement.name} are being put back"):
            replacement.put_back()
    target.await_ready(component, limit=limits.restart)
    return time.monotonic() - began
