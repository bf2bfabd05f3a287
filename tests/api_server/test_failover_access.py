"""What the failover controller's account may do on a real API server, and what it may not."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.api_server.server import Manifest, Server
from tests.api_server.test_rendered import rendered
from tests.components.stacks import EU, US, context, stack
from tests.services import until

SYSTEM, TENANT, STRANGER = "digital-agency-system", "flagged", "default"
USER = f"system:serviceaccount:{SYSTEM}:failover-controller"
ANNOTATION = "agency.global/failed-regions"
MERGE = "application/merge-patch+json"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases"
POD = f"brain-{US}-0"
PODS = f"/api/v1/namespaces/{TENANT}/pods"
APPLIED = (
    "Namespace", "PriorityClass", "LimitRange", "ServiceAccount", "ConfigMap", "Lease", "Role", "ClusterRole",
    "RoleBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
)  # fmt: skip


@pytest.fixture(scope="module")
def objects(server: Server, tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """A stack's controller and a company, with one pod of the company's, all made for real."""
    raw = stack(regions=[context(US), context(EU)], companies=[TENANT])
    found = rendered(raw, tmp_path_factory.mktemp("flagged"))
    for kind in APPLIED:
        for one in found:
            if one["kind"] == kind:
                assert server.apply(one, dry_run=False) is None
    brain = next(
        one for one in found if one["kind"] == "StatefulSet" and one["metadata"]["name"] == f"brain-{US}"
    )
    assert server.run(brain, dry_run=False) is None
    until(lambda: not _lets(server, {"labels": {"x": "y"}}), "the admission policy is in force")
    return found


def _lets(server: Server, metadata: Manifest) -> bool:
    status, _ = server.ask(USER, "PATCH", f"{PODS}/{POD}?dryRun=All", {"metadata": metadata}, MERGE)
    return status == 200


def config_map(namespace: str, name: str = "failed-regions") -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/{name}"


def event(namespace: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"e{uuid.uuid4().hex}", "namespace": namespace},
        "involvedObject": {"kind": "ConfigMap", "namespace": namespace, "name": "failed-regions"},
        "reason": "RegionFailed",
        "message": "x",
        "type": "Warning",
    }


FLAGS = {"data": {"failedRegions": US}}
NEEDED: dict[str, tuple[str, str, Callable[[], Manifest | None], str]] = {
    "read the cluster's flags": ("GET", config_map(SYSTEM), lambda: None, MERGE),
    "write the cluster's flags": ("PATCH", config_map(SYSTEM), lambda: FLAGS, MERGE),
    "read a company's flags": ("GET", config_map(TENANT), lambda: None, MERGE),
    "write a company's flags": ("PATCH", config_map(TENANT), lambda: FLAGS, MERGE),
    "take them back": ("PATCH", config_map(TENANT), lambda: {"data": {"failedRegions": None}}, MERGE),
    "list a company's pods": ("GET", PODS, lambda: None, MERGE),
    "touch a pod": (
        "PATCH",
        f"{PODS}/{POD}",
        lambda: {"metadata": {"annotations": {ANNOTATION: "a"}}},
        MERGE,
    ),
    "touch it again": (
        "PATCH",
        f"{PODS}/{POD}",
        lambda: {"metadata": {"annotations": {ANNOTATION: "b"}}},
        MERGE,
    ),
    "leave it as it was": (
        "PATCH",
        f"{PODS}/{POD}",
        lambda: {"metadata": {"annotations": {ANNOTATION: None}}},
        MERGE,
    ),
    "tell of a cluster's change": (
        "POST",
        f"/api/v1/namespaces/{SYSTEM}/events",
        lambda: event(SYSTEM),
        "application/json",
    ),
    "tell of a company's change": (
        "POST",
        f"/api/v1/namespaces/{TENANT}/events",
        lambda: event(TENANT),
        "application/json",
    ),
    "read its Lease": ("GET", f"{LEASES}/failover-controller", lambda: None, MERGE),
}


@pytest.mark.parametrize("what", NEEDED)
def test_it_may(what: str, server: Server, objects: list[Manifest]) -> None:
    method, path, body, content = NEEDED[what]
    status, answer = server.ask(USER, method, path, body(), content)
    assert status in (200, 201), answer


def test_it_may_take_its_lease_which_a_deployment_declares_without_a_holder(
    server: Server, objects: list[Manifest]
) -> None:
    _, lease = server.ask(USER, "GET", f"{LEASES}/failover-controller")
    lease["spec"] = {"holderIdentity": "one", "leaseDurationSeconds": 10}
    status, answer = server.ask(USER, "PUT", f"{LEASES}/failover-controller", lease)
    assert status == 200, answer
    declared = next(manifest for manifest in objects if manifest["kind"] == "Lease")
    assert server.apply(declared, dry_run=False) is None
    found = server.get(declared)
    assert found is not None
    assert found["spec"]["holderIdentity"] == "one"


REFUSED: dict[str, tuple[str, str, Manifest | None]] = {
    "read another ConfigMap": ("GET", config_map(SYSTEM, "failover-controller"), None),
    "write its own settings": ("PATCH", config_map(SYSTEM, "failover-controller"), FLAGS),
    "write the config of gates": ("PATCH", config_map(TENANT, f"runtime-brain-{US}"), FLAGS),
    "list ConfigMaps": ("GET", f"/api/v1/namespaces/{TENANT}/configmaps", None),
    "make a ConfigMap": (
        "POST",
        f"/api/v1/namespaces/{TENANT}/configmaps",
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "failed-regions"}},
    ),
    "delete the flags": ("DELETE", config_map(TENANT), None),
    "write flags elsewhere": ("PATCH", config_map(STRANGER), FLAGS),
    "list the keys of a company": ("GET", f"/api/v1/namespaces/{TENANT}/secrets", None),
    "read a Secret of its own namespace": ("GET", f"/api/v1/namespaces/{SYSTEM}/secrets/x", None),
    "list pods elsewhere": ("GET", f"/api/v1/namespaces/{STRANGER}/pods", None),
    "list its own namespace's pods": ("GET", f"/api/v1/namespaces/{SYSTEM}/pods", None),
    "list all pods": ("GET", "/api/v1/pods", None),
    "delete a pod": ("DELETE", f"{PODS}/{POD}", None),
    "make a pod": ("POST", PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}),
    "say how a pod is": ("PATCH", f"{PODS}/{POD}/status", {"status": {"phase": "Running"}}),
    "enter a pod": ("POST", f"{PODS}/{POD}/exec?command=sh", None),
    "debug a pod": ("PATCH", f"{PODS}/{POD}/ephemeralcontainers", {"spec": {"ephemeralContainers": []}}),
    "evict a pod": ("POST", f"{PODS}/{POD}/eviction", {"apiVersion": "policy/v1", "kind": "Eviction"}),
    "scale a workload": (
        "PATCH",
        f"/apis/apps/v1/namespaces/{TENANT}/statefulsets/brain-{US}",
        {"spec": {"replicas": 0}},
    ),
    "list Leases": ("GET", LEASES, None),
    "take another Lease": ("PUT", f"{LEASES}/other", {"metadata": {"name": "other"}}),
    "make a Lease": (
        "POST",
        LEASES,
        {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "other"}},
    ),
    "delete its Lease": ("DELETE", f"{LEASES}/failover-controller", None),
    "list namespaces": ("GET", "/api/v1/namespaces", None),
    "change a namespace": ("PATCH", f"/api/v1/namespaces/{TENANT}", {"metadata": {"labels": {"x": "y"}}}),
    "list nodes": ("GET", "/api/v1/nodes", None),
    "give itself rights": (
        "PATCH",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/digital-agency-failover",
        {"rules": []},
    ),
    "lift the policy": (
        "DELETE",
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/digital-agency-failover",
        None,
    ),
    "make a token": (
        "POST",
        f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/failover-controller/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_may_not(what: str, server: Server, objects: list[Manifest]) -> None:
    method, path, body = REFUSED[what]
    content = MERGE if method == "PATCH" else "application/json"
    status, answer = server.ask(USER, method, path, body, content)
    assert status == 403, answer
    assert "cannot" in answer["message"]


PATCHES: dict[str, Manifest] = {
    "another annotation": {"metadata": {"annotations": {"x": "y"}}},
    "another annotation beside its own": {"metadata": {"annotations": {ANNOTATION: "c", "x": "y"}}},
    "an annotation that was there": {"metadata": {"annotations": {"there": None}}},
    "another value of an annotation that was there": {"metadata": {"annotations": {"there": "other"}}},
    "a label": {"metadata": {"labels": {"x": "y"}}},
    "a label less": {"metadata": {"labels": {"app.kubernetes.io/part-of": None}}},
    "another image": {"spec": {"containers": [{"name": "brain", "image": "evil.example.com/x:1"}]}},
    "a deadline": {"spec": {"activeDeadlineSeconds": 1}},
    "an owner": {
        "metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]}
    },
    "a finalizer": {"metadata": {"finalizers": ["example.com/stay"]}},
}


@pytest.mark.parametrize("what", PATCHES)
def test_of_a_pod_it_may_change_nothing_but_its_annotation(
    what: str, server: Server, objects: list[Manifest]
) -> None:
    prepared = {"metadata": {"annotations": {"there": "yes"}}}
    status, answer = server.ask(None, "PATCH", f"{PODS}/{POD}", prepared, MERGE)
    assert status == 200, answer
    kind = "application/strategic-merge-patch+json" if "spec" in PATCHES[what] else MERGE
    status, answer = server.ask(USER, "PATCH", f"{PODS}/{POD}?dryRun=All", PATCHES[what], kind)
    assert status == 403, answer
    assert f"the failover controller changes the annotation {ANNOTATION} alone" in answer["message"]


def test_others_patch_pods_as_before(server: Server, objects: list[Manifest]) -> None:
    labels = {"metadata": {"labels": {"by": "somebody-else"}}}
    status, answer = server.ask(None, "PATCH", f"{PODS}/{POD}?dryRun=All", labels, MERGE)
    assert status == 200, answer


def test_the_api_server_finds_nothing_wrong_with_the_policy_s_expressions(
    server: Server, objects: list[Manifest]
) -> None:
    policy = next(manifest for manifest in objects if manifest["kind"] == "ValidatingAdmissionPolicy")

    def checked() -> dict[str, Any]:
        found = server.get(policy)
        assert found is not None
        status: dict[str, Any] = found.get("status", {})
        return status if status.get("observedGeneration") == found["metadata"]["generation"] else {}

    until(lambda: bool(checked()), "the policy's types are checked")
    assert checked()["typeChecking"] == {}, checked()


def test_an_expression_that_is_wrong_would_be_found(server: Server, objects: list[Manifest]) -> None:
    policy = next(manifest for manifest in objects if manifest["kind"] == "ValidatingAdmissionPolicy")
    wrong = {
        **policy,
        "metadata": {"name": "wrong"},
        "spec": {**policy["spec"], "validations": [{"expression": "object.spec.nothing == 1"}]},
    }
    assert server.apply(wrong, dry_run=False) is None

    def warned() -> bool:
        found = server.get(wrong) or {}
        return bool(found.get("status", {}).get("typeChecking", {}).get("expressionWarnings"))

    until(warned, "the wrong expression is told of")


def test_a_deployment_leaves_what_the_controller_wrote(server: Server, objects: list[Manifest]) -> None:
    for namespace in (SYSTEM, TENANT):
        status, _ = server.ask(USER, "PATCH", config_map(namespace), FLAGS, MERGE)
        assert status == 200
    for manifest in objects:
        if manifest["kind"] == "ConfigMap" and manifest["metadata"]["name"] == "failed-regions":
            assert server.apply(manifest, dry_run=False) is None
            found = server.get(manifest)
            assert found is not None and found["data"] == {"failedRegions": US}
