"""The loss of a volume, against a real API server: whatever happens, the workload is as it was."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.cluster.control_plane import ControlPlane
from ops.cluster_access import Cluster, ClusterApi
from ops.stack import Stack
from ops.stack_file import read
from ops.validation import volumes
from ops.validation.pod_sites import PodSite
from ops.validation.sites import Limits
from ops.validation.verdicts import Failure
from settings import from_config
from tests.ops.copies import US, stack_file
from tests.services import until

LIMITS = Limits(start=60.0, restart=2.0)
NAME = "brain-us-east-1"
SPACE = "validation-volumes"


def labelled(kind: str, version: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": NAME, **metadata}, "spec": spec}


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> ClusterApi:
    return ClusterApi(str(control_plane.kubeconfig), "", threading.Event(), print)


@pytest.fixture
def site(api: ClusterApi, tmp_path: Path) -> Iterator[PodSite]:
    """A Brain whose pod never runs, as there is no node, on a claim that is bound to a volume."""
    file = stack_file(tmp_path, "dev", regions=[US], companies=[SPACE], failover={"enabled": False})
    config, _ = read(file)
    known = Stack(name="dev", file=file, settings=from_config(config, "dev"))
    cluster = Cluster(name="test", regions=(US,), api=api, kubectl="kubectl")
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
        labelled(
            "PersistentVolume",
            "v1",
            {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "by-hand",
                "hostPath": {"path": "/nowhere"},
            },
        ),
        labelled(
            "PersistentVolumeClaim",
            "v1",
            {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "by-hand",
                "volumeName": NAME,
                "resources": {"requests": {"storage": "1Gi"}},
            },
            namespace=SPACE,
            labels={"agency.global/company": SPACE},
            annotations={"pulumi.com/patchFieldManager": "digital-agency"},
        ),
        labelled(
            "StatefulSet",
            "apps/v1",
            {
                "replicas": 1,
                "serviceName": NAME,
                "selector": {"matchLabels": {"app": "brain"}},
                "template": {
                    "metadata": {"labels": {"app": "brain"}},
                    "spec": {"containers": [{"name": "brain", "image": "none"}]},
                },
            },
            namespace=SPACE,
        ),
    ]
    for one in objects:
        path = f"{api.path(one)}?fieldManager=test&force=true"
        api.call("PATCH", path, one, "application/apply-patch+yaml")
    claim, pod = objects[2], labelled("Pod", "v1", {}, namespace=SPACE)
    pod["metadata"]["name"] = f"{NAME}-0"
    until(lambda: (api.get(claim) or {})["status"].get("phase") == "Bound", "the claim is bound")
    until(lambda: api.get(pod) is not None, "the pod is there")
    try:
        yield PodSite(known, known.settings.companies[0], US, cluster, tmp_path, LIMITS)
    finally:
        for one in reversed(objects[1:]):
            if api.get(one):
                api.call("DELETE", api.path(one))
            if one["kind"] != "PersistentVolume":
                api.wait(one, None, "gone", 60.0)
        api.wait(pod, None, "gone", 60.0)


def claim_of(site: PodSite) -> dict[str, Any]:
    metadata = {"name": NAME, "namespace": SPACE}
    found = site.cluster.api.get({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata})
    assert found is not None
    return found


def replicas(site: PodSite) -> int:
    metadata = {"name": NAME, "namespace": SPACE}
    found = site.cluster.api.get({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata})
    assert found is not None
    return int(found["spec"]["replicas"])


def volume_of(site: PodSite) -> dict[str, Any] | None:
    return site.cluster.api.get({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": NAME}})


def same(claim: dict[str, Any]) -> dict[str, Any]:
    return volumes.fresh(claim)


def test_the_volume_is_gone_and_the_claim_is_a_new_one_that_asks_for_the_same(site: PodSite) -> None:
    before = claim_of(site)
    with pytest.raises(Failure, match=f"{SPACE}/{NAME}-0 is not Ready again after 2 s"):
        volumes.lose(site, "brain", LIMITS)  # There is no node to run it.
    after = claim_of(site)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert same(after) == same(before)
    assert "volumeName" not in same(after)["spec"]
    assert volume_of(site) is None, "its class keeps it, so the suite deletes it"
    assert replicas(site) == 1
    managers = {one["manager"] for one in after["metadata"]["managedFields"]}
    assert "digital-agency" in managers, "or the next deployment would find fields that are not its own"


@pytest.mark.parametrize("at", ["Pod", "PersistentVolumeClaim"])
def test_who_interrupts_finds_everything_as_it_was(
    at: str, site: PodSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, api = claim_of(site), site.cluster.api
    wait = api.wait

    def interrupted(manifest: dict[str, Any], *more: Any) -> Any:
        if manifest["kind"] == at:
            monkeypatch.setattr(api, "wait", wait)
            raise KeyboardInterrupt
        return wait(manifest, *more)

    monkeypatch.setattr(api, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        volumes.lose(site, "brain", LIMITS)
    after = claim_of(site)
    assert replicas(site) == 1 and same(after) == same(before)
    assert not after["metadata"].get("deletionTimestamp")
    kept = after["metadata"]["uid"] == before["metadata"]["uid"]
    assert kept == (at == "Pod"), "what was not deleted yet is left alone"


def test_a_workload_without_replicas_is_refused(site: PodSite) -> None:
    metadata = {"name": NAME, "namespace": SPACE}
    path = site.cluster.api.path({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata})
    site.cluster.api.call("PATCH", path, {"spec": {"replicas": 0}}, "application/merge-patch+json")
    with pytest.raises(Failure, match=f"{SPACE}/{NAME} has no replicas"):
        volumes.lose(site, "brain", replace(LIMITS))
    assert claim_of(site)["status"]["phase"] == "Bound"
