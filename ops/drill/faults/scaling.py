"""The fault `scale`: the region's StatefulSets have no pods.

The field `spec.replicas` belongs to the field manager that declared it (server-side apply). A change takes
the field over, so the former entry in `managedFields` is written back afterwards: else the next deployment
that changes the replicas would be rejected.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus

from clients.kubernetes_api import MERGE_PATCH, ApiError, Object
from ops.cluster_access import Cluster
from ops.drill.faults.kinds import FaultKind, retried
from ops.drill.journal import Entry, Journal
from ops.drill.observe.kubernetes import workloads
from ops.errors import OperatorError

THREADS = 16
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


class ScaleFault:
    cut_off = False

    def __init__(self, cluster: Cluster, region: str, journal: Journal) -> None:
        self._cluster, self._region, self._journal = cluster, region, journal
        self._entry: Entry | None = None

    def prepare(self) -> None:
        affected = scalable(self._cluster, self._region)
        if not affected:
            raise OperatorError(f"{self._cluster.name}: no StatefulSets of {self._region} with replicas")
        self._entry = {
            "what": FaultKind.SCALE,
            "cluster": self._cluster.name,
            "uid": self._cluster.api.uid(),
            "workloads": [[workload.namespace, workload.name, workload.replicas] for workload in affected],
        }

    def inject(self) -> str:
        assert self._entry is not None
        self._journal.add(self._entry)
        affected = _workloads_in(self._entry)
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda workload: scale(self._cluster, workload, 0), affected))
        return f"{len(affected)} StatefulSets of {self._region} scaled to 0"

    def remove(self) -> str:
        if self._entry is None or self._entry not in self._journal.entries():
            return "no StatefulSet was scaled"
        done = scale_all_back(self._cluster, self._entry)
        self._journal.remove(self._entry)
        return done


def scale_all_back(cluster: Cluster, entry: Entry) -> str:
    """Raises OperatorError with what has to be done by hand."""
    affected = _workloads_in(entry)
    with ThreadPoolExecutor(THREADS) as pool:
        results = pool.map(lambda workload: retried(lambda: scale_back(cluster, workload)), affected)
        problems = [problem for problem in results if problem]
    if problems:
        kubectl = cluster.kubectl
        commands = "\n".join(
            f"  {kubectl} -n {each.namespace} scale statefulset {each.name} --replicas={each.replicas}"
            for each in affected
        )
        raise OperatorError(f"not put back ({problems[0]}): repeat with --restore, or run\n{commands}")
    return f"{len(affected)} StatefulSets scaled back"


def scalable(cluster: Cluster, region: str) -> list[Workload]:
    """The StatefulSets that should have pods."""
    return [
        Workload(
            namespace=live["metadata"]["namespace"],
            name=live["metadata"]["name"],
            replicas=live["spec"]["replicas"],
        )
        for live in workloads(cluster, "StatefulSet", "apps/v1", region)
        if live["spec"].get("replicas", 1) > 0
    ]


def scale(cluster: Cluster, workload: Workload, replicas: int) -> None:
    """Raises ApiError."""
    live = cluster.api.call("GET", workload.path)
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


def _workloads_in(entry: Entry) -> list[Workload]:
    return [
        Workload(namespace=space, name=name, replicas=number) for space, name, number in entry["workloads"]
    ]


def _scale_back(cluster: Cluster, workload: Workload) -> None:
    live = cluster.api.call("GET", workload.path)
    owners = (live["metadata"].get("annotations") or {}).get(OWNERS)
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


def _patch(cluster: Cluster, workload: Workload, change: Object) -> Object:
    return cluster.api.call("PATCH", f"{workload.path}?fieldManager={MANAGER}", change, MERGE_PATCH)


def _managed_fields(live: Object) -> list[Object]:
    entries: list[Object] = live["metadata"].get("managedFields") or []
    return entries


def _owns_replicas(entry: Object) -> bool:
    return "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})


def _key(entry: Object) -> str:
    return f"{entry['manager']}/{entry['operation']}/{entry.get('subresource', '')}"
