"""The loss of a workload's volume, and everything as it was afterwards."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ops.cluster_access import Object
from ops.terminal import say
from ops.validation.interruptions import uninterrupted
from ops.validation.run import who
from ops.validation.sites import Limits
from ops.validation.verdicts import Failure

if TYPE_CHECKING:
    from ops.validation.pod_sites import PodSite

FIELD_MANAGER = "pulumi.com/patchFieldManager"
"""The annotation that names whose fields a kept volume's are (`components/base.py`)."""
_BINDING = (
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "kubectl.kubernetes.io/",
)
"""Annotations that tie a claim to one volume."""


def lose(site: PodSite, component: str, limits: Limits) -> float:
    """Delete the volume of a workload that was stopped for it; return when the pod is Ready on a new one.

    Returns the seconds that it took. Whatever happens on the way, the claim is there again afterwards, and
    the workload has the replicas that it had. Raises Failure, ApiError and LocalError.
    """
    loss = _Loss(site, component, limits)
    began = time.monotonic()
    try:
        loss.delete()
    finally:
        with uninterrupted(f"the volume and the replicas of {loss.name} are being put back"):
            loss.put_back()
    site.await_ready(component, limit=limits.restart)
    return time.monotonic() - began


class _Loss:
    def __init__(self, site: PodSite, component: str, limits: Limits) -> None:
        self.name = f"{site.namespace}/{component}-{site.region}"
        self._site, self._api, self._limits = site, site.cluster.api, limits
        named = {"name": f"{component}-{site.region}", "namespace": site.namespace}
        self._workload = self._required({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": named})
        self._claim = self._required({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": named})
        self._replicas = int(self._workload["spec"]["replicas"])
        if self._replicas < 1:
            raise Failure(f"{self.name} has no replicas", self._look("statefulset"))

    def delete(self) -> None:
        """The pods, the claim, and the volume unless its storage class deletes it."""
        say(f"    scaling {self.name} to 0, then deleting its volume …")
        self._scale(0)
        for ordinal in range(self._replicas):
            self._gone("v1", "Pod", f"{self._claim['metadata']['name']}-{ordinal}")
        self._api.call("DELETE", self._api.path(self._claim))
        self._gone("v1", "PersistentVolumeClaim", self._claim["metadata"]["name"])
        named = {"name": self._claim["spec"]["volumeName"]}
        volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": named}
        found = self._api.get(volume)
        if found is None:
            return
        if found["spec"]["persistentVolumeReclaimPolicy"] == "Retain":
            self._api.call("DELETE", self._api.path(volume))
        self._api.wait(volume, None, "deleted", self._limits.start)

    def put_back(self) -> None:
        """Nothing to do is no error."""
        found = self._api.get(self._claim)
        if found is not None and found["metadata"].get("deletionTimestamp"):
            self._scale(0)  # A pod that holds it would keep it from going.
            self._gone("v1", "PersistentVolumeClaim", self._claim["metadata"]["name"])
            found = None
        if found is None:
            manager = self._claim["metadata"].get("annotations", {}).get(FIELD_MANAGER, "digital-agency")
            path = f"{self._api.path(self._claim)}?fieldManager={manager}&force=true"
            self._api.call("PATCH", path, fresh(self._claim), "application/apply-patch+yaml")
        self._scale(self._replicas)

    def _scale(self, replicas: int) -> None:
        path, body = self._api.path(self._workload), {"spec": {"replicas": replicas}}
        self._api.call("PATCH", path, body, "application/merge-patch+json")

    def _gone(self, version: str, kind: str, name: str) -> None:
        metadata = {"name": name, "namespace": self._site.namespace}
        manifest = {"apiVersion": version, "kind": kind, "metadata": metadata}
        self._api.wait(manifest, None, "gone", self._limits.start)

    def _required(self, manifest: Object) -> Object:
        found = self._api.get(manifest)
        if found is None:
            kind = manifest["kind"]
            raise Failure(f"{who(self._site)} has no {kind} {manifest['metadata']['name']}", self._look(kind))
        return {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], **found}

    def _look(self, kind: str) -> str:
        return f"{self._site.cluster.kubectl} -n {self._site.namespace} get {kind.lower()}"


def fresh(claim: Object) -> Object:
    """A claim as it was asked for, bound to no volume."""
    metadata, spec = claim["metadata"], claim["spec"]
    annotations = {
        key: value for key, value in metadata.get("annotations", {}).items() if not key.startswith(_BINDING)
    }
    told: dict[str, Any] = {"name": metadata["name"], "namespace": metadata["namespace"]}
    told |= {"labels": metadata.get("labels", {}), "annotations": annotations}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": told,
        "spec": {key: value for key, value in spec.items() if key != "volumeName"},
    }
