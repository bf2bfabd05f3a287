"""The ways in which a region is taken down, each with the way back.

Whatever would outlive the drill is in the journal before it is done. To put a thing back twice does no harm.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from local.machine.files import LocalError, Progress
from ops.cluster_access import Cluster
from ops.drill import scaling
from ops.drill.freezing import Session
from ops.drill.journal import Entry, Journal
from ops.drill.objects import PODS, listed, of_region
from ops.drill.scaling import Workload
from ops.drill.ways import WORDS, Way
from ops.errors import OperatorError

AT_ONCE = 16
PATIENCE_SECONDS = 60.0
"""For putting things back, while something refuses."""
PAUSE_SECONDS = 1.0
FROZEN = {"agent": ("agent", "health-monitor"), "brain": ("brain",)}
"""By the name label of a pod: the containers that answer no more."""


class Outage(Protocol):
    @property
    def cut_off(self) -> bool:
        """Whether the region's nodes cannot hear of its flag meanwhile."""

    def prepare(self) -> None:
        """What takes time and harms nobody. Raises OperatorError."""

    def begin(self) -> str:
        """Take the region down; what was done. Raises OperatorError."""

    def end(self) -> str:
        """Put everything back, also after half a beginning. Raises OperatorError with what is left to do."""


class ScaledAway:
    """The region's StatefulSets have no pods."""

    cut_off = False

    def __init__(self, cluster: Cluster, region: str, journal: Journal) -> None:
        self._cluster, self._region, self._journal = cluster, region, journal
        self._entry: Entry | None = None

    def prepare(self) -> None:
        found = scaling.workloads(self._cluster, of_region(self._region))
        if not found:
            raise OperatorError(f"{self._cluster.name}: no StatefulSets of {self._region} with replicas")
        self._entry = {
            "what": Way.SCALE,
            "cluster": self._cluster.name,
            "uid": self._cluster.api.uid(),
            "workloads": [[one.namespace, one.name, one.replicas] for one in found],
        }

    def begin(self) -> str:
        assert self._entry is not None
        self._journal.add(self._entry)
        found = _workloads(self._entry)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda one: scaling.scale(self._cluster, one, 0), found))
        return f"{len(found)} StatefulSets of {self._region} scaled to 0"

    def end(self) -> str:
        if self._entry is None or self._entry not in self._journal.entries():
            return "nothing was scaled"
        told = scale_back(self._cluster, self._entry)
        self._journal.remove(self._entry)
        return told


def scale_back(cluster: Cluster, entry: Entry) -> str:
    """Raises OperatorError with what has to be done by hand."""
    found = _workloads(entry)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        problems = [
            problem
            for problem in pool.map(lambda one: _tried(lambda: scaling.scale_back(cluster, one)), found)
            if problem
        ]
    if problems:
        orders = "\n".join(
            f"  {cluster.kubectl} -n {one.namespace} scale statefulset {one.name} --replicas={one.replicas}"
            for one in found
        )
        raise OperatorError(f"not put back ({problems[0]}): repeat with --restore, or do\n{orders}")
    return f"{len(found)} StatefulSets scaled back"


class NodeFault:
    """The region's node is stopped, or its network cut: on the local target alone."""

    def __init__(self, way: Way, state: Path, region: str, journal: Journal, progress: Progress) -> None:
        self._entry: Entry = {"what": way, "region": region, "state": str(state.resolve())}
        self._way, self._journal, self._progress = way, journal, progress
        self.cut_off = way is Way.NETWORK

    def prepare(self) -> None:
        pass

    def begin(self) -> str:
        from local.cluster.nodes import faults

        state, region = Path(self._entry["state"]), self._entry["region"]
        self._journal.add(self._entry)
        try:
            faults.stop(state, region) if self._way is Way.NODE else faults.cut(state, region)
        except (LocalError, OSError) as error:
            raise OperatorError(f"{region}: {WORDS[self._way]}: {error}") from error
        return f"{WORDS[self._way]} in {region}"

    def end(self) -> str:
        if self._entry not in self._journal.entries():
            return "nothing was done to a node"
        told = mend(self._entry, self._progress)
        self._journal.remove(self._entry)
        return told


def mend(entry: Entry, progress: Progress) -> str:
    """Raises OperatorError."""
    from local.cluster.nodes import faults

    state, region = Path(entry["state"]), entry["region"]
    if not state.exists():
        return f"{state} is gone, and the node of {region} with it"
    begun = entry["what"] == Way.NODE
    problem = _tried(
        lambda: faults.start(state, region, progress) if begun else faults.reconnect(state, region)
    )
    if problem:
        raise OperatorError(f"the node of {region} is not put back ({problem}): repeat with --restore")
    return f"node of {region} started" if begun else f"network of {region} mended"


class Frozen:
    """The application's processes are stopped nearly all the time. Ends by itself when the drill does."""

    cut_off = False

    def __init__(self, cluster: Cluster, region: str) -> None:
        self._cluster, self._region = cluster, region
        self._sessions: Sequence[Session] = ()
        self._done = threading.Event()

    def prepare(self) -> None:
        pods = listed(self._cluster, PODS, of_region(self._region))
        wanted = [
            (pod["metadata"]["namespace"], pod["metadata"]["name"], containers)
            for pod in pods
            if (containers := FROZEN.get(pod["metadata"]["labels"].get("app.kubernetes.io/name", "")))
        ]
        if not wanted:
            raise OperatorError(f"{self._cluster.name}: no pods of {self._region}")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self._sessions = list(pool.map(lambda one: Session(self._cluster, *one), wanted))

    def begin(self) -> str:
        for session in self._sessions:
            session.say()
        threading.Thread(target=self._keep, daemon=True).start()
        return f"the application's processes in {len(self._sessions)} pods of {self._region} are stopped"

    def end(self) -> str:
        self._done.set()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            told = list(pool.map(lambda session: session.close(), self._sessions))
        if problems := [one for one in told if one]:
            raise OperatorError(
                f"not known whether the processes of {len(problems)} pods go on ({problems[0]}); what does"
                " not answer is started anew by its liveness probe within a minute"
            )
        return f"the processes in {len(told)} pods go on"

    def _keep(self) -> None:
        while not self._done.wait(PAUSE_SECONDS):
            for session in self._sessions:
                session.say()


def _workloads(entry: Entry) -> list[Workload]:
    return [Workload(namespace=one[0], name=one[1], replicas=one[2]) for one in entry["workloads"]]


def _tried(job: Callable[[], None]) -> str:
    """Do it, again for a while when it fails; what was wrong the last time, empty when it is done."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            job()
            return ""
        except Exception as error:
            if time.monotonic() >= deadline:
                return str(error)
        time.sleep(PAUSE_SECONDS)
