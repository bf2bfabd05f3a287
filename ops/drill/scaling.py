"""StatefulSets scaled to nothing and back, so that whoever declares them finds them as they were.

The field `spec.replicas` belongs to the one who declared it (server-side apply). Who changes it takes it
over; so its entry is written back afterwards, or the next deployment that changes it would be refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from clients.kubernetes_api import ApiError
from ops.cluster_access import Cluster
from ops.drill.objects import STATEFUL_SETS, listed

Object = dict[str, Any]
MANAGER = "digital-agency-drill"
MERGE = "application/merge-patch+json"
OWNERS = "agency.global/drill-owners"
"""An annotation, while scaled away: who had declared the replicas."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    namespace: str
    name: str
    replicas: int

    @property
    def path(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/statefulsets/{self.name}"


def workloads(cluster: Cluster, labels: Mapping[str, str]) -> list[Workload]:
    """The StatefulSets that should have pods."""
    return [
        Workload(
            namespace=one["metadata"]["namespace"],
            name=one["metadata"]["name"],
            replicas=one["spec"]["replicas"],
        )
        for one in listed(cluster, STATEFUL_SETS, labels)
        if one["spec"].get("replicas", 1) > 0
    ]


def scale(cluster: Cluster, workload: Workload, replicas: int) -> None:
    """Raises ApiError."""
    live = cluster.api.call("GET", workload.path)
    owners = ",".join(sorted(_key(one) for one in _managed(live) if _owns(one)))
    change = {"metadata": {"annotations": {OWNERS: owners}}, "spec": {"replicas": replicas}}
    _patch(cluster, workload, change)


def scale_back(cluster: Cluster, workload: Workload) -> None:
    """As it was. Nothing where it is so, or where the StatefulSet is gone. Raises ApiError."""
    while True:
        try:
            _scale_back(cluster, workload)
            return
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return
            # Its controller wrote the status between our two requests.
            if error.status != HTTPStatus.CONFLICT:
                raise


def _scale_back(cluster: Cluster, workload: Workload) -> None:
    live = cluster.api.call("GET", workload.path)
    owners = (live["metadata"].get("annotations") or {}).get(OWNERS)
    if owners is None:
        return
    if live["spec"]["replicas"] == 0:
        live = _patch(cluster, workload, {"spec": {"replicas": workload.replicas}})
    told = {
        "annotations": {OWNERS: None},
        "managedFields": _given_back(_managed(live), set(owners.split(","))),
        "resourceVersion": live["metadata"]["resourceVersion"],
    }
    _patch(cluster, workload, {"metadata": told})


def _given_back(managed: list[Object], owners: set[str]) -> list[Object]:
    """Without the drill's entry, and the replicas in those of their owners."""
    kept = [one for one in managed if one["manager"] != MANAGER]
    for one in kept:
        if _key(one) in owners:
            one["fieldsV1"].setdefault("f:spec", {}).setdefault("f:replicas", {})
    return kept


def _patch(cluster: Cluster, workload: Workload, change: Object) -> Object:
    return cluster.api.call("PATCH", f"{workload.path}?fieldManager={MANAGER}", change, MERGE)


def _managed(live: Object) -> list[Object]:
    entries: list[Object] = live["metadata"].get("managedFields") or []
    return entries


def _owns(entry: Object) -> bool:
    return "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})


def _key(entry: Object) -> str:
    return f"{entry['manager']}/{entry['operation']}/{entry.get('subresource', '')}"
