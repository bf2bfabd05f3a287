"""`python -m ops move-zone` on a real API server and scheduler: a zone's node is lost, the pods come back in
another zone with what the bucket has. The nodes are objects without kubelets, which the tests play."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients.kubernetes_api import APPLY_PATCH, MERGE_PATCH, ApiError, KubernetesApi
from local.cluster.control_plane import ControlPlane
from ops.__main__ import main
from ops.cluster_access import Cluster
from ops.drill.faults.zone import claim_entry, put_claim_back
from ops.drill.journal import Journal
from ops.errors import DONE, NOT_CONFIRMED, NOTHING_FOUND, TIMED_OUT, WRONG_CALL
from ops.probing.volume import VolumeReplacement
from tests.ops.snapshots import EU, US, Snapshots, id_of
from tests.services import until

CONTEXT = "digital-agency-local"
SPACE = "acme"
FILES = {"acme/graph.json": "{}"}
STATUS = "application/strategic-merge-patch+json"
NODE = """
apiVersion: v1
kind: Node
metadata: {{name: "{name}", labels: {{topology.kubernetes.io/zone: "{zone}"}}}}
"""
VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {{name: "{workload}-{zone}"}}
spec:
  capacity: {{storage: 1Gi}}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Delete
  storageClassName: "{workload}"
  hostPath: {{path: /nowhere}}
  nodeAffinity:
    required:
      nodeSelectorTerms:
      - matchExpressions: [{{key: topology.kubernetes.io/zone, operator: In, values: ["{zone}"]}}]
"""
WORKLOAD = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: "{workload}"
  namespace: acme
  annotations: {{pulumi.com/patchFieldManager: digital-agency}}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: "{workload}"
  resources: {{requests: {{storage: 1Gi}}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: "{workload}", namespace: acme}}
spec:
  replicas: 1
  serviceName: "{workload}"
  selector: {{matchLabels: {{app: "{workload}"}}}}
  template:
    metadata: {{labels: {{app: "{workload}"}}}}
    spec:
      containers: [{{name: brain, image: none}}]
      volumes: [{{name: memory, persistentVolumeClaim: {{claimName: "{workload}"}}}}]
"""
WORKLOADS = (f"brain-{US}", f"agent-{US}")
LOST, OTHER = f"{US}a", f"{US}b"


class Zones:
    def __init__(self, api: KubernetesApi) -> None:
        self.api, self.made = api, list[dict[str, Any]]()
        self._run = uuid.uuid4().hex[:6]

    def name(self, zone: str) -> str:
        """Of a zone's node: a new one in each test, as the controllers remember how nodes were."""
        return f"{zone}-{self._run}"

    def make(self, text: str) -> None:
        for manifest in yaml.safe_load_all(text):
            path = f"{self.api.path(manifest)}?fieldManager=test&force=true"
            self.api.call("PATCH", path, manifest, APPLY_PATCH)
            self.made.append(manifest)

    def node(self, zone: str, *, ready: bool) -> None:
        conditions = [{"type": "Ready", "status": "True" if ready else "Unknown"}]
        room = {"cpu": "8", "memory": "8Gi", "pods": "100"}
        body = {"status": {"conditions": conditions, "capacity": room, "allocatable": room}}
        self.api.call("PATCH", f"/api/v1/nodes/{self.name(zone)}/status", body, STATUS)
        spec = {"spec": {"taints": [], "unschedulable": not ready}}
        self.api.call("PATCH", f"/api/v1/nodes/{self.name(zone)}", spec, MERGE_PATCH)

    def pod(self, workload: str) -> dict[str, Any] | None:
        return self.api.get(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{workload}-0", "namespace": SPACE}}
        )

    def zone_of(self, workload: str) -> str:
        name = (self.pod(workload) or {}).get("spec", {}).get("nodeName", "")
        return str(name.removesuffix(f"-{self._run}"))

    def claim(self, workload: str) -> dict[str, Any]:
        path = f"/api/v1/namespaces/{SPACE}/persistentvolumeclaims/{workload}"
        return self.api.call("GET", path)

    def owners_of_replicas(self, workload: str) -> list[str]:
        live = self.api.call("GET", f"/apis/apps/v1/namespaces/{SPACE}/statefulsets/{workload}")
        fields = {
            each["manager"]: each["fieldsV1"].get("f:spec", {}) for each in live["metadata"]["managedFields"]
        }
        return [manager for manager, owned in fields.items() if "f:replicas" in owned]

    def volume(self, workload: str, zone: str) -> dict[str, Any]:
        return self.api.call("GET", f"/api/v1/persistentvolumes/{workload}-{zone}")

    def close(self) -> None:
        kinds = ["StatefulSet", "PersistentVolumeClaim", "PersistentVolume", "Node"]
        for manifest in sorted(self.made[1:], key=lambda each: kinds.index(each["kind"])):
            if self.api.get(manifest):
                self.api.call("DELETE", self.api.path(manifest))
            if manifest["kind"] == "StatefulSet":
                until(lambda workload=manifest["metadata"]["name"]: self._ended(workload), "the pod ended")
            self.api.wait(manifest, None, "gone", 60.0)

    def _ended(self, workload: str) -> bool:
        if self.pod(workload):
            with suppress(ApiError):  # The controller deletes it as well.
                path = f"/api/v1/namespaces/{SPACE}/pods/{workload}-0?gracePeriodSeconds=0"
                self.api.call("DELETE", path)
        return self.pod(workload) is None

    def play_kubelet(self, workload: str, stopped: threading.Event) -> None:
        """Report the pod Ready as soon as it has a node in the other zone."""
        while not stopped.wait(0.1):
            if self.zone_of(workload) == OTHER:
                ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
                path = f"/api/v1/namespaces/{SPACE}/pods/{workload}-0/status"
                self.api.call("PATCH", path, ready, STATUS)
                return


@pytest.fixture
def zones(control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zones]:
    """Two zones; both workloads run in the first, whose node is then lost."""
    file = str(control_plane.kubeconfig)
    monkeypatch.setenv("KUBECONFIG", file)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", file)
    zones = Zones(KubernetesApi(file))
    zones.make(f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {SPACE}}}}}")
    for zone in (LOST, OTHER):
        zones.make(NODE.format(name=zones.name(zone), zone=zone))
    zones.node(LOST, ready=True)
    for workload in WORKLOADS:
        zones.make(VOLUME.format(workload=workload, zone=LOST))
        zones.make(WORKLOAD.format(workload=workload))
    for workload in WORKLOADS:
        until(lambda workload=workload: zones.zone_of(workload) == LOST, f"{workload} has a node")
        zones.make(VOLUME.format(workload=workload, zone=OTHER))
    zones.node(LOST, ready=False)
    zones.node(OTHER, ready=True)
    try:
        yield zones
    finally:
        zones.close()


@pytest.fixture
def kubelets(zones: Zones) -> Iterator[None]:
    stopped = threading.Event()
    threads = [threading.Thread(target=zones.play_kubelet, args=(each, stopped)) for each in WORKLOADS]
    for thread in threads:
        thread.start()
    yield
    stopped.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def move(snapshots: Snapshots, zones: Zones) -> Callable[..., int]:
    place = {"endpoint": "us.example.com", "cluster": {"context": CONTEXT}}
    snapshots.regions = [{"name": US, **place}, {"name": EU, **place, "endpoint": "eu.example.com"}]

    def call(*more: str) -> int:
        where = ["--config", str(snapshots.file), "--company", "acme", "--region", US]
        return main(["move-zone", *where, *more])

    return call


def upload(snapshots: Snapshots) -> None:
    snapshots.put(US, id_of(1, "02:00"), FILES)
    snapshots.put(US, id_of(1, "01:00"), FILES, prefix="acme/agent")


def test_both_workloads_start_in_the_other_zone_on_new_volumes_and_the_old_volumes_stay(
    move: Callable[..., int],
    zones: Zones,
    snapshots: Snapshots,
    kubelets: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    upload(snapshots)
    before = {workload: zones.claim(workload)["metadata"]["uid"] for workload in WORKLOADS}
    assert move("--yes") == DONE
    said = capsys.readouterr().out
    for workload in WORKLOADS:
        assert zones.zone_of(workload) == OTHER
        assert zones.claim(workload)["metadata"]["uid"] != before[workload]
        assert zones.volume(workload, LOST)["status"]["phase"] == "Released", "kept, though its class deletes"
        assert zones.owners_of_replicas(workload) == ["test"], "a deployment may change the replicas"
        assert f"{SPACE}/{workload} runs in zone {OTHER}" in said
    assert f"the node {zones.name(LOST)} is not Ready" in said
    assert "loses what it stored after 2026-11-23T02:00:00Z" in said
    assert "terminate it first" in said


def test_a_claim_that_a_killed_drill_has_deleted_is_put_back_by_its_journal(
    zones: Zones, tmp_path: Path
) -> None:
    cluster = Cluster(name="local", regions=(US,), api=zones.api, kubectl="kubectl")
    journal, workload = Journal(tmp_path / "drill.json"), WORKLOADS[0]
    replacement = VolumeReplacement.of(cluster, SPACE, workload, 60.0)
    journal.add(claim_entry(replacement))
    replacement.delete_claim()

    [entry] = journal.entries()
    for _ in range(2):
        assert put_claim_back(cluster, entry) == f"{SPACE}/{workload} has its claim and its replicas"
        assert zones.claim(workload)["spec"].get("volumeName") in (None, f"{workload}-{OTHER}")
        assert zones.owners_of_replicas(workload) == ["test"]
        until(lambda: zones.zone_of(workload) == OTHER, "its pod has a node again")


def test_nothing_is_done_before_a_yes(
    move: Callable[..., int], zones: Zones, snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    upload(snapshots)
    before = {workload: zones.claim(workload)["metadata"]["uid"] for workload in WORKLOADS}
    assert move() == NOT_CONFIRMED
    said = capsys.readouterr()
    assert f"{SPACE}/brain-{US} and {SPACE}/agent-{US} get empty volumes" in said.err
    assert {workload: zones.claim(workload)["metadata"]["uid"] for workload in WORKLOADS} == before


def test_a_memory_without_a_complete_checkpoint_is_not_moved(
    move: Callable[..., int], zones: Zones, snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshots.put(US, id_of(1, "02:00"), FILES, lost=tuple(FILES))
    snapshots.put(US, id_of(1, "01:00"), FILES, prefix="acme/agent")
    assert move("--yes") == NOTHING_FOUND
    assert "none of the 1 checkpoints is complete" in capsys.readouterr().err
    assert all(zones.zone_of(workload) == LOST for workload in WORKLOADS)


def test_pods_without_a_node_are_named_with_the_reason(
    move: Callable[..., int], zones: Zones, snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    upload(snapshots)
    zones.node(OTHER, ready=False)
    assert move("--yes", "--component", "agent", "--timeout", "4") == TIMED_OUT
    said = capsys.readouterr().err
    assert f"{SPACE}/agent-{US}-0: " in said and "nodes are available" in said
    assert zones.claim(f"agent-{US}")["status"]["phase"] in ("Pending", "Bound")


def test_a_region_that_the_stack_does_not_have_is_rejected(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--config", str(snapshots.file), "--company", "acme", "--region", "sa-east-1"]
    assert main(["move-zone", *where, "--yes"]) == WRONG_CALL
    assert "sa-east-1" in capsys.readouterr().err
