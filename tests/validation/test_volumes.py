"""The loss of a volume, against a real API server: whatever happens, the workload is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients.kubernetes_api import KubernetesApi
from local.cluster.control_plane import ControlPlane
from ops.cluster_access import Cluster
from ops.probing.failure import Failure
from ops.probing.volume import unbound
from ops.stack import Stack
from ops.stack_file import read
from ops.validation.checks import volume_lost
from ops.validation.pod_target import PodTarget
from ops.validation.target import Limits
from settings import from_config
from tests.ops.snapshots import US, stack_file
from tests.services import until

LIMITS = Limits(start=60.0, restart=2.0)
NAME = "brain-us-east-1"
SPACE = "validation-volumes"


OBJECTS = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: {SPACE}}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {NAME}}}
spec:
  capacity: {{storage: 1Gi}}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: by-hand
  hostPath: {{path: /nowhere}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {NAME}
  namespace: {SPACE}
  labels: {{agency.global/company: {SPACE}}}
  annotations: {{pulumi.com/patchFieldManager: digital-agency}}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: by-hand
  volumeName: {NAME}
  resources: {{requests: {{storage: 1Gi}}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: {NAME}, namespace: {SPACE}}}
spec:
  replicas: 1
  serviceName: {NAME}
  selector: {{matchLabels: {{app: brain}}}}
  template:
    metadata: {{labels: {{app: brain}}}}
    spec: {{containers: [{{name: brain, image: none}}]}}
"""


def reference(kind: str, version: str = "v1", name: str = NAME) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": SPACE}}


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> KubernetesApi:
    return KubernetesApi(str(control_plane.kubeconfig))


@pytest.fixture
def target(api: KubernetesApi, tmp_path: Path) -> Iterator[PodTarget]:
    """A Brain whose pod never runs, as there is no node, on a claim that is bound to a volume."""
    file = stack_file(tmp_path, "dev", regions=[US], companies=[SPACE], failover={"enabled": False})
    config, _ = read(file)
    known = Stack(name="dev", file=file, settings=from_config(config, "dev"))
    cluster = Cluster(name="test", regions=(US,), api=api, kubectl="kubectl")
    objects = list(yaml.safe_load_all(OBJECTS))
    for manifest in objects:
        path = f"{api.path(manifest)}?fieldManager=test&force=true"
        api.call("PATCH", path, manifest, "application/apply-patch+yaml")
    claim, pod = objects[2], reference("Pod", name=f"{NAME}-0")
    until(lambda: (api.get(claim) or {})["status"].get("phase") == "Bound", "the claim is bound")
    until(lambda: api.get(pod) is not None, "the pod is there")
    try:
        yield PodTarget(known, known.settings.companies[0], US, cluster, tmp_path, LIMITS)
    finally:
        for manifest in reversed(objects[1:]):
            if api.get(manifest):
                api.call("DELETE", api.path(manifest))
            if manifest["kind"] != "PersistentVolume":
                api.wait(manifest, None, "gone", 60.0)
        api.wait(pod, None, "gone", 60.0)


def claim_of(target: PodTarget) -> dict[str, Any]:
    claim = target.cluster.api.get(reference("PersistentVolumeClaim"))
    assert claim is not None
    return claim


def replicas(target: PodTarget) -> int:
    workload = target.cluster.api.get(reference("StatefulSet", "apps/v1"))
    assert workload is not None
    return int(workload["spec"]["replicas"])


def volume_of(target: PodTarget) -> dict[str, Any] | None:
    return target.cluster.api.get(reference("PersistentVolume"))


def same(claim: dict[str, Any]) -> dict[str, Any]:
    return unbound(claim)


def test_the_volume_is_gone_and_the_claim_is_a_new_one_that_asks_for_the_same(target: PodTarget) -> None:
    before = claim_of(target)
    with pytest.raises(Failure, match=f"{SPACE}/{NAME}-0 is not Ready again after 2 s"):
        volume_lost.lose(target, "brain", LIMITS)  # There is no node to run it.
    after = claim_of(target)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert same(after) == same(before)
    assert "volumeName" not in same(after)["spec"]
    assert volume_of(target) is None, "its class keeps it, so the suite deletes it"
    assert replicas(target) == 1
    managers = {one["manager"] for one in after["metadata"]["managedFields"]}
    assert "digital-agency" in managers, "or the next deployment would find fields that are not its own"


@pytest.mark.parametrize("at", ["Pod", "PersistentVolumeClaim"])
def test_who_interrupts_finds_everything_as_it_was(
    at: str, target: PodTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, api = claim_of(target), target.cluster.api
    wait = api.wait

    def interrupted(manifest: dict[str, Any], *more: Any) -> Any:
        if manifest["kind"] == at:
            monkeypatch.setattr(api, "wait", wait)
            raise KeyboardInterrupt
        return wait(manifest, *more)

    monkeypatch.setattr(api, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        volume_lost.lose(target, "brain", LIMITS)
    after = claim_of(target)
    assert replicas(target) == 1 and same(after) == same(before)
    assert not after["metadata"].get("deletionTimestamp")
    kept = after["metadata"]["uid"] == before["metadata"]["uid"]
    assert kept == (at == "Pod"), "what was not deleted yet is left alone"


def test_a_workload_without_replicas_is_refused(target: PodTarget) -> None:
    path = target.cluster.api.path(reference("StatefulSet", "apps/v1"))
    target.cluster.api.call("PATCH", path, {"spec": {"replicas": 0}}, "application/merge-patch+json")
    with pytest.raises(Failure, match=f"{SPACE}/{NAME} has no replicas"):
        volume_lost.lose(target, "brain", replace(LIMITS))
    assert claim_of(target)["status"]["phase"] == "Bound"
