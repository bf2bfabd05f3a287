"""What a drill has changed is known and put back, however and whenever it was killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clients.kubernetes_api import KubernetesApi
from local.cluster.control_plane import ControlPlane
from ops.cluster_access import Cluster
from ops.drill.journal import Journal, path_of
from ops.drill.recovery import recover
from ops.errors import OperatorError
from ops.probing.signals import Signals
from tests.services import until

ROOT = Path(__file__).parent.parent.parent
NAMESPACE, REGION = "journaled", "us-east-1"
NAMES = tuple(f"{kind}-{REGION}" for kind in ("agent", "brain"))
DRILL = f"""
import sys, threading, time
from pathlib import Path
from clients.kubernetes_api import KubernetesApi
from ops.cluster_access import Cluster
from ops.drill.journal import Journal
from ops.drill.faults.scaling import ScaleFault
api = KubernetesApi(sys.argv[1], "", threading.Event(), print)
cluster = Cluster(name="local", regions=("{REGION}",), api=api, kubectl="kubectl")
journal = Journal(Path(sys.argv[2]))
fault = ScaleFault(cluster, "{REGION}", journal)
fault.prepare()
print("begins", flush=True)
print(fault.inject(), flush=True)
print(fault.remove(), flush=True)
print("ended", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def cluster(control_plane: ControlPlane) -> Cluster:
    api = KubernetesApi(str(control_plane.kubeconfig), "", threading.Event(), print)
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    return Cluster(name="local", regions=(REGION,), api=api, kubectl="kubectl")


@pytest.fixture
def workloads(cluster: Cluster) -> Iterator[None]:
    for name in NAMES:
        cluster.api.call("POST", f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets", stateful_set(name))
    yield
    for name in NAMES:
        cluster.api.call("DELETE", f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/{name}")


def stateful_set(name: str) -> dict[str, Any]:
    labels = {
        "app.kubernetes.io/part-of": "digital-agency",
        "topology.kubernetes.io/region": REGION,
        "name": name,
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "one", "image": "one:1"}]}}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
    }


def replicas(cluster: Cluster) -> dict[str, int]:
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets"
    return {
        one["metadata"]["name"]: one["spec"]["replicas"] for one in cluster.api.call("GET", path)["items"]
    }


class Target:
    """As much of a drill's target as putting back needs."""

    def __init__(self, cluster: Cluster, journal: Journal) -> None:
        self.journal, self._cluster = journal, cluster
        self.said: list[str] = []

    def progress(self, line: str) -> None:
        self.said.append(line)

    def cluster(self, folder: str) -> Cluster:
        return self._cluster


def put_back(cluster: Cluster, path: Path) -> list[str]:
    target: Any = Target(cluster, Journal(path))
    recover(target, Signals("wait"))
    return list(target.said)


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_everything_is_put_back_by_the_next_one(
    control_plane: ControlPlane, cluster: Cluster, workloads: None, tmp_path: Path, seed: int
) -> None:
    path, moment = tmp_path / "drill.json", random.Random(seed)
    process = subprocess.Popen(
        [sys.executable, "-c", DRILL, str(control_plane.kubeconfig), str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    time.sleep(moment.random() * 0.15)
    process.kill()
    process.communicate()
    away = 0 in replicas(cluster).values()
    assert Journal(path).entries() or not away, "something was changed that is not in the journal"
    put_back(cluster, path)
    assert replicas(cluster) == dict.fromkeys(NAMES, 2)
    assert not path.exists()
    assert put_back(cluster, path) == []


def test_killed_while_the_region_is_down_the_journal_knows_it(
    control_plane: ControlPlane, cluster: Cluster, workloads: None, tmp_path: Path
) -> None:
    path = tmp_path / "drill.json"
    program = DRILL.replace("print(fault.remove(), flush=True)", "time.sleep(600)")
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(control_plane.kubeconfig), str(path)], cwd=ROOT
    )
    until(lambda: set(replicas(cluster).values()) == {0}, "all is scaled away")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert put_back(cluster, path) == ["2 StatefulSets scaled back"]
    assert replicas(cluster) == dict.fromkeys(NAMES, 2)


def test_of_another_cluster_of_the_same_name_nothing_is_touched(
    cluster: Cluster, workloads: None, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "drill.json")
    entry = {"what": "scale", "cluster": "local", "uid": "of old", "workloads": [[NAMESPACE, NAMES[0], 7]]}
    journal.add(entry)
    [said] = put_back(cluster, journal.path)
    assert "is another cluster than the one" in said
    assert replicas(cluster) == dict.fromkeys(NAMES, 2)


def test_what_cannot_be_put_back_stays_in_the_journal_and_the_rest_is_put_back(
    cluster: Cluster, workloads: None, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "drill.json")
    strange = {"what": "something of a later version"}
    journal.add(strange)
    journal.add({"what": "node", "region": REGION, "state": str(tmp_path / "gone")})
    with pytest.raises(OperatorError, match="an entry of another version"):
        put_back(cluster, journal.path)
    assert journal.entries() == [strange]


def test_entries_are_kept_in_order_until_they_are_removed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "folder" / "drill.json")
    journal.path.parent.mkdir()
    assert journal.entries() == []
    one, two = {"what": "node", "region": "a"}, {"what": "node", "region": "b"}
    journal.add(one)
    journal.add(two)
    assert Journal(journal.path).entries() == [one, two]
    journal.remove(one)
    journal.remove(one)
    assert Journal(journal.path).entries() == [two]
    journal.remove(two)
    assert not journal.path.exists()


def test_a_damaged_journal_stops_everything_and_says_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "drill.json"
    path.write_text("{")
    with pytest.raises(OperatorError, match=f"{path} is damaged"):
        Journal(path).entries()


def test_only_one_drill_of_a_stack_runs_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "drill.json"
    refused = pytest.raises(OperatorError, match="another drill of this stack runs")
    with Journal(path).locked(), refused, Journal(path).locked():
        pass
    with Journal(path).locked():
        pass


def test_the_local_target_s_journal_lies_in_its_state_folder(tmp_path: Path) -> None:
    assert path_of("local", tmp_path) == tmp_path / "drill.json"
    assert path_of("prod", tmp_path) == ROOT / "drills" / "unfinished-prod.json"
