"""A workload's volume, replaced by an empty one: its claim is deleted and created again."""

from __future__ import annotations

from clients.kubernetes_api import MERGE_PATCH, Object, reference
from ops.cluster_access import Cluster
from ops.probing.failure import Failure
from ops.terminal import say

CLAIM, VOLUME = "PersistentVolumeClaim", "PersistentVolume"
FIELD_MANAGER = "pulumi.com/patchFieldManager"
"""The annotation that names the field manager of a kept volume (`components/base.py`)."""
ZONE = "topology.kubernetes.io/zone"
_ZONES = (ZONE, "topology.ebs.csi.aws.com/zone")
_BINDING = (
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "kubectl.kubernetes.io/",
)
"""Annotations that tie a claim to one volume."""


class VolumeReplacement:
    """One workload with its claim of the same name. `limit`: seconds for each deletion.

    Raises Failure for a workload without claim or replicas, and KubernetesError.
    """

    def __init__(self, cluster: Cluster, namespace: str, workload: str, limit: float) -> None:
        self._cluster, self._api, self._limit = cluster, cluster.api, limit
        self._namespace, self.workload = namespace, workload
        self.name = f"{namespace}/{workload}"
        self._set = self._required("StatefulSet", "apps/v1")
        self._claim = self._required(CLAIM, "v1")
        self._replicas = int(self._set["spec"]["replicas"])
        if self._replicas < 1:
            raise Failure(f"{self.name} has no replicas", self._kubectl_get("StatefulSet"))

    def volume(self) -> Object | None:
        """The claim's volume; None before it is bound, or when the volume is gone."""
        name = self._claim["spec"].get("volumeName")
        manifest = reference(VOLUME, name) if name else None
        live = self._api.get(manifest) if manifest else None
        return None if manifest is None or live is None else {**manifest, **live}

    def delete_claim(self) -> None:
        """Stop the workload, then delete its claim. Pods on nodes that do not answer are deleted by force: no
        kubelet confirms their end."""
        say(f"    scaling {self.name} to 0, then deleting its claim …")
        self._scale(0)
        for ordinal in range(self._replicas):
            self._end(f"{self.workload}-{ordinal}")
        self._api.call("DELETE", self._api.path(self._claim))
        self._await_gone(CLAIM, self.workload)

    def put_back(self) -> None:
        """Create the claim again and scale up. Does nothing where nothing was changed."""
        live = self._api.get(self._claim)
        if live is not None and live["metadata"].get("deletionTimestamp"):
            self._scale(0)  # A pod that uses the claim would keep it from going.
            self._await_gone(CLAIM, self.workload)
            live = None
        if live is None:
            manager = self._claim["metadata"].get("annotations", {}).get(FIELD_MANAGER, "digital-agency")
            self._api.apply(unbound(self._claim), manager)
        self._scale(self._replicas)

    def _end(self, name: str) -> None:
        pod = reference("Pod", name, self._namespace)
        live = self._api.get(pod)
        if live is not None and node_problem(self._cluster, live):
            self._api.call("DELETE", f"{self._api.path(pod)}?gracePeriodSeconds=0")
        self._await_gone("Pod", name)

    def _scale(self, replicas: int) -> None:
        self._api.call("PATCH", self._api.path(self._set), {"spec": {"replicas": replicas}}, MERGE_PATCH)

    def _await_gone(self, kind: str, name: str) -> None:
        self._api.wait(reference(kind, name, self._namespace), None, "gone", self._limit)

    def _required(self, kind: str, version: str) -> Object:
        manifest = reference(kind, self.workload, self._namespace, version)
        live = self._api.get(manifest)
        if live is None:
            raise Failure(f"{self._namespace} has no {kind} {self.workload}", self._kubectl_get(kind))
        return {**manifest, **live}

    def _kubectl_get(self, kind: str) -> str:
        return f"{self._cluster.kubectl} -n {self._namespace} get {kind.lower()}"


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


def zone_of_volume(volume: Object) -> str | None:
    """The zone that a volume's node affinity names; None for a volume of every zone."""
    required = volume["spec"].get("nodeAffinity", {}).get("required", {})
    for term in required.get("nodeSelectorTerms", ()):
        for expression in term.get("matchExpressions", ()):
            if expression["key"] in _ZONES and expression.get("values"):
                return str(expression["values"][0])
    return None


def zone_of_pod(cluster: Cluster, pod: Object) -> str | None:
    """The zone of the pod's node; None before the pod has a node."""
    node = _node(cluster, pod)
    return node["metadata"].get("labels", {}).get(ZONE) if node else None


def node_problem(cluster: Cluster, pod: Object) -> str | None:
    """Why the pod's node cannot confirm that the pod ended; None while the node is Ready."""
    name = pod["spec"].get("nodeName")
    if not name:
        return None
    node = _node(cluster, pod)
    if node is None:
        return f"the node {name} is gone"
    ready = [each for each in node["status"].get("conditions", ()) if each["type"] == "Ready"]
    return None if ready and ready[0]["status"] == "True" else f"the node {name} is not Ready"


def _node(cluster: Cluster, pod: Object) -> Object | None:
    name = pod["spec"].get("nodeName")
    return cluster.api.get(reference("Node", name)) if name else None
