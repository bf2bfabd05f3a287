"""A workload's volume, replaced by an empty one: its claim is deleted and created again."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

from clients.kubernetes_api import ApiError, KubernetesApi, Object, reference
from ops.cluster_access import Cluster
from ops.probing.failure import Failure
from ops.probing.replicas import Workload, scale, scale_back
from ops.terminal import say
from plan.names import ZONE_LABEL

POLL_SECONDS = 1.0
CLAIM, VOLUME = "PersistentVolumeClaim", "PersistentVolume"
FIELD_MANAGER = "pulumi.com/patchFieldManager"
"""The annotation that names the field manager of a kept volume (`components/base.py`)."""
_ZONES = (ZONE_LABEL, "topology.ebs.csi.aws.com/zone")
_HOST = "kubernetes.io/hostname"
"""The volumes of a node's own folders have affinity to it."""
_BINDING = (
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "kubectl.kubernetes.io/",
)
"""Annotations that tie a claim to one volume."""


@dataclass(frozen=True, kw_only=True)
class VolumeReplacement:
    """One workload with its claim of the same name. All methods raise KubernetesError."""

    cluster: Cluster
    namespace: str
    workload: str
    limit: float
    """Seconds for each deletion."""
    claim: Object
    """As it was before."""
    replicas: int

    @classmethod
    def of(cls, cluster: Cluster, namespace: str, workload: str, limit: float) -> VolumeReplacement:
        """Raises Failure for a workload without claim or replicas."""
        stateful_set, claim = (
            _required(cluster, kind, workload, namespace) for kind in ("StatefulSet", CLAIM)
        )
        replicas = int(stateful_set["spec"]["replicas"])
        if replicas < 1:
            look = f"{cluster.kubectl} -n {namespace} get statefulset"
            raise Failure(f"{namespace}/{workload} has no replicas", look)
        return cls(
            cluster=cluster,
            namespace=namespace,
            workload=workload,
            limit=limit,
            claim=claim,
            replicas=replicas,
        )

    @property
    def name(self) -> str:
        return f"{self.namespace}/{self.workload}"

    def volume(self) -> Object | None:
        """The claim's volume; None before it is bound, or when the volume is gone."""
        return volume_of(self.cluster, self.claim)

    def delete_claim(self) -> None:
        """Stop the workload, then delete its claim. Pods on nodes that do not answer are deleted by force: no
        kubelet confirms their end."""
        say(f"    scaling {self.name} to 0, then deleting its claim …")
        self._stop()
        self._api.call("DELETE", self._api.path(self.claim))
        self._await_gone(CLAIM, self.workload)

    def put_back(self) -> None:
        """Create the claim again and scale up. Does nothing where nothing was changed."""
        live = self._api.get(self.claim)
        if live is not None and live["metadata"].get("deletionTimestamp"):
            self._stop()  # A pod that uses the claim would keep it from going.
            self._await_gone(CLAIM, self.workload)
            live = None
        if live is None:
            manager = self.claim["metadata"].get("annotations", {}).get(FIELD_MANAGER, "digital-agency")
            self._api.apply(unbound(self.claim), manager)
        scale_back(self.cluster, self._stateful_set)

    @property
    def _stateful_set(self) -> Workload:
        return Workload(namespace=self.namespace, name=self.workload, replicas=self.replicas)

    @property
    def _api(self) -> KubernetesApi:
        return self.cluster.api

    def _stop(self) -> None:
        scale(self.cluster, self._stateful_set, 0)
        for ordinal in range(self.replicas):
            self._end(reference("Pod", f"{self.workload}-{ordinal}", self.namespace))

    def _end(self, pod: Object) -> None:
        """Kubernetes may notice only meanwhile that the pod's node is lost."""
        deadline = time.monotonic() + self.limit
        while (live := self._api.get(pod)) and time.monotonic() < deadline:
            if node_problem(self.cluster, live):
                with suppress(ApiError):  # It has just gone.
                    self._api.call("DELETE", f"{self._api.path(pod)}?gracePeriodSeconds=0")
                break
            time.sleep(POLL_SECONDS)
        self._await_gone("Pod", pod["metadata"]["name"])

    def _await_gone(self, kind: str, name: str) -> None:
        self._api.wait(reference(kind, name, self.namespace), None, "gone", self.limit)


def volume_of(cluster: Cluster, claim: Object) -> Object | None:
    """A claim's volume; None before it is bound, or when the volume is gone."""
    name = claim["spec"].get("volumeName")
    manifest = reference(VOLUME, name) if name else None
    live = cluster.api.get(manifest) if manifest else None
    return None if manifest is None or live is None else {**manifest, **live}


def _required(cluster: Cluster, kind: str, name: str, namespace: str) -> Object:
    manifest = reference(kind, name, namespace, "v1" if kind == CLAIM else "apps/v1")
    live = cluster.api.get(manifest)
    if live is None:
        look = f"{cluster.kubectl} -n {namespace} get {kind.lower()}"
        raise Failure(f"{namespace} has no {kind} {name}", look)
    return {**manifest, **live}


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


def zone_of_volume(cluster: Cluster, volume: Object) -> str | None:
    """The zone that a volume's node affinity names, or that of the node which it names; None for a volume of
    every zone.
    """
    required = volume["spec"].get("nodeAffinity", {}).get("required", {})
    for term in required.get("nodeSelectorTerms", ()):
        for expression in term.get("matchExpressions", ()):
            values = expression.get("values")
            if values and expression["key"] in _ZONES:
                return str(values[0])
            if values and expression["key"] == _HOST:
                return _zone_of_node(cluster, values[0])
    return None


def zone_of_pod(cluster: Cluster, pod: Object) -> str | None:
    """The zone of the pod's node; None before the pod has a node."""
    name = pod["spec"].get("nodeName")
    return _zone_of_node(cluster, name) if name else None


def node_problem(cluster: Cluster, pod: Object) -> str | None:
    """Why the pod's node cannot confirm that the pod ended; None while the node is Ready."""
    name = pod["spec"].get("nodeName")
    if not name:
        return None
    node = cluster.api.get(reference("Node", name))
    if node is None:
        return f"the node {name} is gone"
    ready = [each for each in node["status"].get("conditions", ()) if each["type"] == "Ready"]
    return None if ready and ready[0]["status"] == "True" else f"the node {name} is not Ready"


def _zone_of_node(cluster: Cluster, name: str) -> str | None:
    node = cluster.api.get(reference("Node", name))
    return node["metadata"].get("labels", {}).get(ZONE_LABEL) if node else None
