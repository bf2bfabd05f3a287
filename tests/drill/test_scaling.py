"""Workloads are scaled away and back on a real API server, and those who declared them notice nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from clients.kubernetes_api import MERGE_PATCH, ApiError, KubernetesApi
from local.cluster.control_plane import ControlPlane
from ops.cluster_access import Cluster
from ops.drill.faults import scaling
from ops.probing import replicas
from ops.probing.replicas import OWNERS, Workload

LABELS = {"app.kubernetes.io/part-of": "digital-agency", "topology.kubernetes.io/region": "us-east-1"}
APPLY = "application/apply-patch+yaml"
NAMESPACE = "scaled"
WORKLOAD = Workload(namespace=NAMESPACE, name="brain-us-east-1", replicas=2)


@pytest.fixture(scope="module")
def cluster(control_plane: ControlPlane) -> Cluster:
    api = KubernetesApi(str(control_plane.kubeconfig), "", threading.Event(), print)
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    return Cluster(name="local", regions=("us-east-1",), api=api, kubectl="kubectl")


@pytest.fixture
def declared(cluster: Cluster) -> Iterator[Any]:
    live = declare(cluster, replicas=2)
    until_observed(cluster)
    yield live
    cluster.api.call("DELETE", WORKLOAD.path)


def declare(cluster: Cluster, replicas: int, **changed: Any) -> Any:
    """As a deployment does: with server-side apply."""
    template = {
        "metadata": {"labels": LABELS},
        "spec": {"containers": [{"name": "brain", "image": "example/brain:1"}]},
    }
    body = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": WORKLOAD.name, "namespace": NAMESPACE, "labels": LABELS},
        "spec": {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template, **changed},
    }
    return cluster.api.call("PATCH", f"{WORKLOAD.path}?fieldManager=deployer", body, APPLY)


def until_observed(cluster: Cluster) -> None:
    """The StatefulSet's own controller has done with it: what it writes is no difference that counts."""
    cluster.api.wait(
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": WORKLOAD.name, "namespace": NAMESPACE},
        },
        lambda one: one.get("status", {}).get("observedGeneration") == one["metadata"]["generation"],
        "observed",
        60,
    )


def live(cluster: Cluster) -> Any:
    return cluster.api.call("GET", WORKLOAD.path)


def owners(one: Any) -> list[tuple[str, str, Any]]:
    """Who owns which fields, those of the status aside."""
    return sorted(
        (each["manager"], each["operation"], str(each["fieldsV1"]))
        for each in one["metadata"]["managedFields"]
        if each.get("subresource") != "status"
    )


def test_workloads_with_pods_are_listed_by_region(cluster: Cluster, declared: Any) -> None:
    assert scaling.scalable(cluster, "us-east-1") == [WORKLOAD]
    assert scaling.scalable(cluster, "eu-west-1") == []


def test_scaled_away_and_back_it_is_as_it_was(cluster: Cluster, declared: Any) -> None:
    before = live(cluster)
    replicas.scale(cluster, WORKLOAD, 0)
    assert live(cluster)["spec"]["replicas"] == 0
    assert scaling.scalable(cluster, "us-east-1") == []
    replicas.scale_back(cluster, WORKLOAD)
    after = live(cluster)
    assert after["spec"] == before["spec"]
    assert owners(after) == owners(before)
    assert OWNERS not in (after["metadata"].get("annotations") or {})


def test_afterwards_a_deployment_may_change_the_replicas(cluster: Cluster, declared: Any) -> None:
    replicas.scale(cluster, WORKLOAD, 0)
    with pytest.raises(ApiError, match="conflict"):
        declare(cluster, replicas=3)
    replicas.scale_back(cluster, WORKLOAD)
    assert declare(cluster, replicas=3)["spec"]["replicas"] == 3


def test_scaling_back_twice_changes_nothing_more(cluster: Cluster, declared: Any) -> None:
    replicas.scale(cluster, WORKLOAD, 0)
    replicas.scale_back(cluster, WORKLOAD)
    declare(cluster, replicas=3)
    replicas.scale_back(cluster, WORKLOAD)
    assert live(cluster)["spec"]["replicas"] == 3


def test_a_workload_that_was_never_scaled_away_stays_as_it_is(cluster: Cluster, declared: Any) -> None:
    before = live(cluster)
    replicas.scale_back(cluster, WORKLOAD)
    after = live(cluster)
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert owners(after) == owners(before)


def test_a_deleted_workload_is_no_error(cluster: Cluster) -> None:
    replicas.scale_back(cluster, Workload(namespace=NAMESPACE, name="brain-gone", replicas=1))


@pytest.mark.parametrize("half_done", ["only begun", "pods asked for"])
def test_an_interrupted_scaling_back_is_finished(cluster: Cluster, declared: Any, half_done: str) -> None:
    before = live(cluster)
    replicas.scale(cluster, WORKLOAD, 0)
    if half_done == "pods asked for":
        cluster.api.call(
            "PATCH",
            f"{WORKLOAD.path}?fieldManager={replicas.MANAGER}",
            {"spec": {"replicas": 2}},
            MERGE_PATCH,
        )
    replicas.scale_back(cluster, WORKLOAD)
    assert owners(live(cluster)) == owners(before)


def test_a_change_by_the_workload_s_controller_in_between_is_no_error(
    cluster: Cluster, declared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = live(cluster)
    replicas.scale(cluster, WORKLOAD, 0)
    call, changed = cluster.api.call, list[str]()

    def interrupted(method: str, path: str, body: Any = None, *more: Any) -> Any:
        if "managedFields" in (body or {}).get("metadata", {}) and not changed:
            changed.append(path)
            label = {"metadata": {"labels": {"changed": "meanwhile"}}}
            call("PATCH", f"{WORKLOAD.path}?fieldManager=another", label, MERGE_PATCH)
        return call(method, path, body, *more)

    monkeypatch.setattr(cluster.api, "call", interrupted)
    replicas.scale_back(cluster, WORKLOAD)
    assert changed
    kept = [owner for owner in owners(live(cluster)) if owner[0] != "another"]
    assert kept == owners(before)
