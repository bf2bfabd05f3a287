"""Kubernetes objects, by server-side apply."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from engine.placeholders import kubernetes_id
from engine.values import Change
from local.embedded.driver import Creation, Driver
from local.embedded.state import Entry
from local.kubernetes_api import AGENT, ApiError, KubernetesApi, Object

READY_SECONDS: Final = 600.0
GONE_SECONDS: Final = 300.0

IMMUTABLE: Final = {
    "StatefulSet": [
        "podManagementPolicy",
        "revisionHistoryLimit",
        "selector",
        "serviceName",
        "volumeClaimTemplates",
    ],
    "Deployment": ["selector"],
    "Job": ["completions", "parallelism", "selector", "template"],
    "Service": ["clusterIP"],
    "ResourceQuota": ["scopes"],
    "PersistentVolumeClaim": ["accessModes", "selector", "storageClassName", "volumeName"],
}
"""Of `spec`: what makes another object (source: pulumi-kubernetes 4.34, provider/pkg/provider/diff.go)."""
IMMUTABLE_ANYWHERE: Final = {
    ("metadata", "name"),
    ("metadata", "namespace"),
    ("roleRef",),
    ("provisioner",),
}


def _rolled_out(live: Object, ready: str) -> bool:
    status, replicas = live.get("status", {}), live["spec"].get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= live["metadata"]["generation"]
    return bool(seen and replicas == status.get("updatedReplicas", 0) == status.get(ready, 0))


def _counted(live: Object) -> bool:
    return bool(live["spec"].get("hard", {}).keys() <= live.get("status", {}).get("hard", {}).keys())


READY: Final[dict[str, Callable[[Object], bool]]] = {
    "StatefulSet": lambda live: _rolled_out(live, "readyReplicas"),
    "Deployment": lambda live: _rolled_out(live, "availableReplicas"),
    "Ingress": lambda live: bool(live.get("status", {}).get("loadBalancer", {}).get("ingress")),
    "ResourceQuota": _counted,  # until then the API server refuses whatever the quota counts
}


class Kubernetes(Driver):
    """The objects of one cluster."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api

    def home(self) -> str:
        return self._api.uid()

    def identity(self, kind: str, inputs: Object) -> str:
        return kubernetes_id(inputs)

    def replacing(self, kind: str, changed: list[Change]) -> list[Change]:
        fixed = IMMUTABLE_ANYWHERE | {("spec", name) for name in IMMUTABLE.get(kind.rpartition(":")[2], ())}
        return [one for one in changed if one.path[:1] in fixed or one.path[:2] in fixed]

    def put(self, kind: str, inputs: Object, old: Entry | None, creation: Creation) -> tuple[str, Object]:
        path = f"{self._api.path(inputs)}?fieldManager={AGENT}&force=true"
        live = self._api.call("PATCH", path, inputs, "application/apply-patch+yaml")
        ready = READY.get(inputs["kind"])
        if ready and inputs["metadata"].get("annotations", {}).get("pulumi.com/skipAwait") != "true":
            live = self._api.wait(inputs, ready, "ready", READY_SECONDS) or live
        return kubernetes_id(inputs), {"status": live["status"]} if live.get("status") else {}

    def delete(self, kind: str, entry: Entry) -> None:
        try:
            self._api.call("DELETE", self._api.path(entry["inputs"]), {"propagationPolicy": "Foreground"})
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
        else:
            self._api.wait(entry["inputs"], None, "gone", GONE_SECONDS)
