"""What was stored outlasts the loss of the Brain's volume: the gate restores it from the bucket."""

from __future__ import annotations

import time

from clients.kubernetes_api import APPLY_PATCH, MERGE_PATCH, Object, reference
from ops.probing.containers import BRAIN
from ops.probing.failure import Failure
from ops.probing.signals import uninterrupted
from ops.terminal import say
from ops.validation.checks import copy_in_the_bucket
from ops.validation.checks.restart import still_there
from ops.validation.pod_target import PodTarget
from ops.validation.results import Status, Verdict
from ops.validation.run import Run
from ops.validation.target import Limits

CLAIM = "PersistentVolumeClaim"
FIELD_MANAGER = "pulumi.com/patchFieldManager"
"""The annotation that names the field manager of a kept volume (`components/base.py`)."""
_BINDING = (
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "kubectl.kubernetes.io/",
)
"""Annotations that tie a claim to one volume."""


def check(run: Run, target: PodTarget) -> Verdict:
    """The volume is deleted only after a complete checkpoint of it was found."""
    uploaded = copy_in_the_bucket.check(run, target)
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
    loss = _Loss(target, component, limits)
    began = time.monotonic()
    try:
        loss.delete()
    finally:
        with uninterrupted(f"the volume and the replicas of {loss.name} are being put back"):
            loss.put_back()
    target.await_ready(component, limit=limits.restart)
    return time.monotonic() - began


class _Loss:
    def __init__(self, target: PodTarget, component: str, limits: Limits) -> None:
        self._workload = f"{component}-{target.region}"
        self._namespace, self.name = target.namespace, f"{target.namespace}/{self._workload}"
        self._target, self._api, self._limits = target, target.cluster.api, limits
        self._set = self._required("StatefulSet", "apps/v1")
        self._claim = self._required(CLAIM, "v1")
        self._replicas = int(self._set["spec"]["replicas"])
        if self._replicas < 1:
            raise Failure(f"{self.name} has no replicas", self._kubectl_get("StatefulSet"))

    def delete(self) -> None:
        """The pods, the claim, and the volume unless its storage class deletes it."""
        say(f"    scaling {self.name} to 0, then deleting its volume …")
        self._scale(0)
        for ordinal in range(self._replicas):
            self._await_gone("Pod", f"{self._workload}-{ordinal}")
        self._api.call("DELETE", self._api.path(self._claim))
        self._await_gone(CLAIM, self._workload)
        volume = reference("PersistentVolume", self._claim["spec"]["volumeName"])
        live = self._api.get(volume)
        if live is None:
            return
        if live["spec"]["persistentVolumeReclaimPolicy"] == "Retain":
            self._api.call("DELETE", self._api.path(volume))
        self._api.wait(volume, None, "deleted", self._limits.start)

    def put_back(self) -> None:
        """Does nothing where nothing was changed."""
        live = self._api.get(self._claim)
        if live is not None and live["metadata"].get("deletionTimestamp"):
            self._scale(0)  # A pod that uses the claim would keep it from going.
            self._await_gone(CLAIM, self._workload)
            live = None
        if live is None:
            manager = self._claim["metadata"].get("annotations", {}).get(FIELD_MANAGER, "digital-agency")
            path = f"{self._api.path(self._claim)}?fieldManager={manager}&force=true"
            self._api.call("PATCH", path, unbound(self._claim), APPLY_PATCH)
        self._scale(self._replicas)

    def _scale(self, replicas: int) -> None:
        self._api.call("PATCH", self._api.path(self._set), {"spec": {"replicas": replicas}}, MERGE_PATCH)

    def _await_gone(self, kind: str, name: str) -> None:
        self._api.wait(reference(kind, name, self._namespace), None, "gone", self._limits.start)

    def _required(self, kind: str, version: str) -> Object:
        manifest = reference(kind, self._workload, self._namespace, version)
        live = self._api.get(manifest)
        if live is None:
            raise Failure(f"{self._target.name} has no {kind} {self._workload}", self._kubectl_get(kind))
        return {**manifest, **live}

    def _kubectl_get(self, kind: str) -> str:
        return f"{self._target.cluster.kubectl} -n {self._namespace} get {kind.lower()}"


def unbound(claim: Object) -> Object:
    """A claim as it was created, bound to no volume."""
    metadata, spec = claim["metadata"], claim["spec"]
    annotations = metadata.get("annotations", {}).items()
    manifest = reference(CLAIM, metadata["name"], metadata["namespace"])
    manifest["metadata"] |= {
        "labels": metadata.get("labels", {}),
        "annotations": {key: value for key, value in annotations if not key.startswith(_BINDING)},
    }
    manifest["spec"] = {key: value for key, value in spec.items() if key != "volumeName"}
    return manifest
