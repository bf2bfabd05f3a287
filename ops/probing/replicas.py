"""The replicas of a StatefulSet, changed for a while.

The field `spec.replicas` belongs to the field manager that declared it (server-side apply). A change takes
the field over, so the former entry in `managedFields` is written back afterwards: else the next deployment
that changes the replicas would be rejected.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from clients.kubernetes_api import MERGE_PATCH, ApiError, Object
from ops.cluster_access import Cluster

MANAGER = "digital-agency-drill"
OWNERS = "agency.global/drill-owners"
"""Annotation of a StatefulSet that is scaled away: the field managers that had declared its replicas."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    namespace: str
    name: str
    replicas: int

    @property
    def path(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/statefulsets/{self.name}"


def scale(cluster: Cluster, workload: Workload, replicas: int) -> None:
    """Raises ApiError."""
    live = cluster.api.call("GET", workload.path)
    owners = _former_owners(live)
    if owners is None:
        owners = ",".join(sorted(_key(entry) for entry in _managed_fields(live) if _owns_replicas(entry)))
    change = {"metadata": {"annotations": {OWNERS: owners}}, "spec": {"replicas": replicas}}
    _patch(cluster, workload, change)


def scale_back(cluster: Cluster, workload: Workload) -> None:
    """Does nothing where the StatefulSet is not scaled away, or gone. Raises ApiError."""
    while True:
        try:
            _scale_back(cluster, workload)
            return
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return
            # Its controller wrote the status between the two requests.
            if error.status != HTTPStatus.CONFLICT:
                raise


def _scale_back(cluster: Cluster, workload: Workload) -> None:
    live = cluster.api.call("GET", workload.path)
    owners = _former_owners(live)
    if owners is None:
        return
    if live["spec"]["replicas"] == 0:
        live = _patch(cluster, workload, {"spec": {"replicas": workload.replicas}})
    metadata = {
        "annotations": {OWNERS: None},
        "managedFields": _given_back(_managed_fields(live), set(owners.split(","))),
        "resourceVersion": live["metadata"]["resourceVersion"],
    }
    _patch(cluster, workload, {"metadata": metadata})


def _given_back(managed: list[Object], owners: set[str]) -> list[Object]:
    """Without the drill's entry, and with the replicas in the entries of their owners."""
    kept = [entry for entry in managed if entry["manager"] != MANAGER]
    for entry in kept:
        if _key(entry) in owners:
            entry["fieldsV1"].setdefault("f:spec", {}).setdefault("f:replicas", {})
    return kept


def _former_owners(live: Object) -> str | None:
    """None for a StatefulSet that is not scaled away."""
    owners: str | None = (live["metadata"].get("annotations") or {}).get(OWNERS)
    return owners


def _patch(cluster: Cluster, workload: Workload, change: Object) -> Object:
    return cluster.api.call("PATCH", f"{workload.path}?fieldManager={MANAGER}", change, MERGE_PATCH)


def _managed_fields(live: Object) -> list[Object]:
    entries: list[Object] = live["metadata"].get("managedFields") or []
    return entries


def _owns_replicas(entry: Object) -> bool:
    return "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})


def _key(entry: Object) -> str:
    return f"{entry['manager']}/{entry['operation']}/{entry.get('subresource', '')}"
