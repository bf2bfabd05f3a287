"""What the controller's service account may do: each call that it makes, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from runtime.controller.kubernetes import METADATA_LIST, Access, Kubernetes, Refused
from tests.controller.acting.deployed import ANNOTATION, SYSTEM, Cluster, Manifest
from tests.services import until

MERGE, STRATEGIC, APPLY = (
    f"application/{kind}" for kind in ("merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml")
)
JSON_PATCH = "application/json-patch+json"
SETS = "/apis/apps/v1/namespaces"
LEASES = "/apis/coordination.k8s.io/v1/namespaces"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces"


@pytest.fixture(scope="module")
def company(installed: Cluster) -> Iterator[str]:
    (name,) = installed.fresh(1, "rights")
    installed.add([name])
    yield name
    installed.clean()


@pytest.fixture(scope="module")
def pod(installed: Cluster, company: str) -> Manifest:
    return installed.pods(company)[0]


@pytest.fixture(scope="module")
def account(installed: Cluster, company: str, tmp_path_factory: pytest.TempPathFactory) -> Kubernetes:
    """The controller's own client, with its account's token."""
    token = tmp_path_factory.mktemp("account") / "token"
    token.write_text(installed.token())
    plane = installed.control_plane
    access = Access(url=plane.server, token=token, authority=plane.kubeconfig.parent / "pki" / "ca.crt")
    api = Kubernetes(access, threading.Event())
    # The authorizer hears of new bindings a moment later.
    until(lambda: status(api, "GET", installed.flags_path(company)) == HTTPStatus.OK, "it may read the flags")
    return api


def status(
    api: Kubernetes, method: str, path: str, body: Any = None, content: str = "application/json"
) -> int:
    try:
        api.call(method, path, body, content=content)
    except Refused as error:
        return error.status
    return int(HTTPStatus.OK)


def event(namespace: str) -> Manifest:
    about = {"kind": "ConfigMap", "name": "failed-regions", "namespace": namespace}
    metadata = {"namespace": namespace, "generateName": "rights."}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": metadata,
        "involvedObject": about,
        "reason": "Tried",
    }


def test_each_call_that_it_makes_is_allowed(account: Kubernetes, installed: Cluster, company: str) -> None:
    for namespace in (SYSTEM, company):
        flags = installed.flags_path(namespace)
        account.call("GET", flags)
        account.call("PATCH", flags, {"data": {"failedRegions": "a\nb"}}, content=MERGE)
        account.call("PATCH", flags, {"data": {"failedRegions": None}}, content=MERGE)
        account.call("POST", f"/api/v1/namespaces/{namespace}/events", event(namespace))
    lease = account.call("GET", installed.lease_path)
    lease["spec"] = {"holderIdentity": "rights"}
    account.call("PUT", installed.lease_path, lease)
    pods = account.call("GET", f"/api/v1/namespaces/{company}/pods", accept=METADATA_LIST)["items"]
    assert len(pods) == 4
    for pod in pods:
        path = f"/api/v1/namespaces/{company}/pods/{pod['metadata']['name']}"
        for value in ("1", "2", None):
            account.call("PATCH", path, {"metadata": {"annotations": {ANNOTATION: value}}}, content=MERGE)


def refused_calls(company: str, pod: str) -> dict[str, tuple[str, str, Any, str]]:
    """What somebody with the account's token might try."""
    here, system = f"/api/v1/namespaces/{company}", f"/api/v1/namespaces/{SYSTEM}"
    flags = {"data": {"failedRegions": "x"}}
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}
    new_pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}
    touched = {"metadata": {"annotations": {ANNOTATION: "x"}}}
    json_ = "application/json"
    return {
        "secrets": ("GET", f"{here}/secrets", None, json_),
        "a secret of its own namespace": ("GET", f"{system}/secrets/any", None, json_),
        "another ConfigMap": ("GET", f"{here}/configmaps/other", None, json_),
        "another ConfigMap's data": ("PATCH", f"{here}/configmaps/kube-root-ca.crt", flags, MERGE),
        "its own settings": ("PATCH", f"{system}/configmaps/failover-controller", flags, MERGE),
        "all ConfigMaps": ("GET", f"{here}/configmaps", None, json_),
        "a new ConfigMap": ("POST", f"{here}/configmaps", other, json_),
        "the flags gone": ("DELETE", f"{here}/configmaps/failed-regions", None, json_),
        "a new pod": ("POST", f"{here}/pods", new_pod, json_),
        "a pod gone": ("DELETE", f"{here}/pods/{pod}", None, json_),
        "one pod's spec": ("GET", f"{here}/pods/{pod}", None, json_),
        "a command in a pod": ("POST", f"{here}/pods/{pod}/exec?command=id", None, json_),
        "a pod's log": ("GET", f"{here}/pods/{pod}/log", None, json_),
        "a pod's status": ("PATCH", f"{here}/pods/{pod}/status", touched, MERGE),
        "a shell beside a pod": ("PATCH", f"{here}/pods/{pod}/ephemeralcontainers", {"spec": {}}, STRATEGIC),
        "a pod evicted": ("POST", f"{here}/pods/{pod}/eviction", {}, json_),
        "pods of its own namespace": ("GET", f"{system}/pods", None, json_),
        "pods of the cluster": ("GET", "/api/v1/pods", None, json_),
        "pods of kube-system": ("GET", "/api/v1/namespaces/kube-system/pods", None, json_),
        "pods of kube-system touched": ("PATCH", "/api/v1/namespaces/kube-system/pods/any", touched, MERGE),
        "flags of no company": ("GET", "/api/v1/namespaces/default/configmaps/failed-regions", None, json_),
        "namespaces": ("GET", "/api/v1/namespaces", None, json_),
        "nodes": ("GET", "/api/v1/nodes", None, json_),
        "another Lease": ("GET", f"{LEASES}/kube-system/leases/any", None, json_),
        "a new Lease": ("POST", f"{LEASES}/{SYSTEM}/leases", {"metadata": {"name": "x"}}, json_),
        "the Lease gone": ("DELETE", f"{LEASES}/{SYSTEM}/leases/failover-controller", None, json_),
        "the events of a company": ("GET", f"{here}/events", None, json_),
        "a StatefulSet scaled": ("PATCH", f"{SETS}/{company}/statefulsets/any/scale", {}, MERGE),
        "a right of its own": ("POST", f"{BINDINGS}/{company}/rolebindings", {}, json_),
        "a token": ("POST", f"{system}/serviceaccounts/failover-controller/token", {"spec": {}}, json_),
    }  # fmt: skip


@pytest.mark.parametrize("what", refused_calls("", ""))
def test_nothing_else_is_allowed(account: Kubernetes, company: str, pod: Manifest, what: str) -> None:
    call = refused_calls(company, pod["metadata"]["name"])[what]
    assert status(account, *call) == HTTPStatus.FORBIDDEN


def patches_of_a_pod() -> dict[str, tuple[Any, str]]:
    """What a patch could do beside touching the one annotation."""
    touch = {ANNOTATION: "sneaky"}
    evict = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"}
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "y"}
    tolerate = [{"op": "add", "path": "/spec/tolerations/-", "value": {"operator": "Exists"}}]
    image = [{"op": "replace", "path": "/spec/containers/0/image", "value": "evil:1"}]
    return {
        "another annotation": ({"metadata": {"annotations": {**touch, **evict}}}, MERGE),
        "an annotation alone": ({"metadata": {"annotations": {"other": "x"}}}, MERGE),
        "all annotations gone": ({"metadata": {"annotations": None}}, MERGE),
        "a label": ({"metadata": {"annotations": touch, "labels": {"other": "x"}}}, MERGE),
        "a selector's label gone": ({"metadata": {"labels": {"app.kubernetes.io/name": None}}}, MERGE),
        "a finalizer": ({"metadata": {"finalizers": ["agency.global/never"]}}, MERGE),
        "an owner": ({"metadata": {"ownerReferences": [owner]}}, MERGE),
        "the deadline": ({"spec": {"activeDeadlineSeconds": 1}}, MERGE),
        "a toleration": (tolerate, JSON_PATCH),
        "the image": (image, JSON_PATCH),
    }  # fmt: skip


@pytest.mark.parametrize("what", patches_of_a_pod())
def test_of_a_pod_only_the_one_annotation_can_be_patched(
    account: Kubernetes, installed: Cluster, company: str, pod: Manifest, what: str
) -> None:
    path = f"/api/v1/namespaces/{company}/pods/{pod['metadata']['name']}"
    installed.patch(path, {"metadata": {"annotations": {"of-somebody": "else"}}})
    before = installed.get(path)
    body, content = patches_of_a_pod()[what]
    with pytest.raises(Refused) as refusal:
        account.call("PATCH", path, body, content=content)
    assert refusal.value.status in (HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY)
    assert "failover controller" in str(refusal.value), (
        "the admission policy says so, not only the API's own rules"
    )
    assert installed.get(path) == before


def test_others_may_patch_pods_as_before(installed: Cluster, company: str, pod: Manifest) -> None:
    path = f"/api/v1/namespaces/{company}/pods/{pod['metadata']['name']}"
    patched = installed.patch(path, {"metadata": {"labels": {"of-the-admin": "yes"}}})
    assert patched["metadata"]["labels"]["of-the-admin"] == "yes"


def test_a_renewed_token_is_taken_from_its_file(installed: Cluster, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("outdated")
    plane = installed.control_plane
    access = Access(url=plane.server, token=token, authority=plane.kubeconfig.parent / "pki" / "ca.crt")
    api = Kubernetes(access, threading.Event())
    assert status(api, "GET", installed.flags_path(SYSTEM)) == HTTPStatus.UNAUTHORIZED
    token.write_text(installed.token() + "\n")
    assert status(api, "GET", installed.flags_path(SYSTEM)) == HTTPStatus.OK
