"""The fault `scale`: the region's StatefulSets have no pods."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ops.cluster_access import Cluster
from ops.drill.faults.kinds import FaultKind, retried
from ops.drill.journal import Entry, Journal
from ops.drill.observe.kubernetes import workloads
from ops.errors import OperatorError
from ops.probing.replicas import Workload, scale, scale_back

THREADS = 16


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

    def bring_back(self) -> str:
        return ""

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


def _workloads_in(entry: Entry) -> list[Workload]:
    return [
        Workload(namespace=space, name=name, replicas=number) for space, name, number in entry["workloads"]
    ]
