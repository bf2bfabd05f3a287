"""`python -m ops doctor` on a real API server: each prerequisite of a cluster missing in turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from clients.kubernetes_api import KubernetesApi
from local.cluster.control_plane import CONTROLLER_MANAGER, ControlPlane
from local.machine.processes import Processes
from ops.cluster_access import Cluster
from ops.doctor import in_cluster
from ops.doctor.findings import Finding
from settings import clusters_of, parse
from tests.components.stacks import US, eks, stack
from tests.services import started
from tests.strategies import Raw

LABELLED = {"topology.kubernetes.io/region": US, "topology.kubernetes.io/zone": f"{US}a", "pool": "agents"}
ROOM = {"cpu": "4", "memory": "16Gi"}
READY = {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": ROOM, "capacity": ROOM}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Without controllers, which would say that no kubelet reports."""
    state = tmp_path_factory.mktemp("doctor")
    with started(state) as found:
        Processes(state).stop([CONTROLLER_MANAGER])
        yield found


@pytest.fixture(scope="module")
def cluster(plane: ControlPlane) -> Cluster:
    """One that has all that the stack below needs."""
    api = KubernetesApi(str(plane.kubeconfig), "", threading.Event(), print)
    made = Cluster(name="eks-us-east-1-blue", regions=(US,), api=api, kubectl="kubectl")
    for path, body, status in WHOLE:
        put(api, path, body, status)
    return made


def put(api: KubernetesApi, path: str, body: dict[str, Any], status: dict[str, Any] | None) -> None:
    """Create an object with its status, as controllers and kubelets leave it."""
    api.call("POST", path, body)
    at = f"{path}/{body['metadata']['name']}"
    if status:
        api.call("PATCH", f"{at}/status", {"status": status}, MERGE)
    if path == NODES:
        # The API server taints a new node; a controller, which does not run here, removes the taint.
        api.call("PATCH", at, {"spec": {"taints": None}}, MERGE)


MERGE = "application/merge-patch+json"
NODES, CLASSES = "/api/v1/nodes", "/apis/storage.k8s.io/v1/storageclasses"
DRIVERS, INGRESS = "/apis/storage.k8s.io/v1/csidrivers", "/apis/networking.k8s.io/v1/ingressclasses"
SYSTEM = "/apis/apps/v1/namespaces/kube-system"


def workload(name: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": name}
    spec = {"containers": [{"name": "one", "image": "one:1"}]}
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


VPC_CNI = workload("aws-node")
VPC_CNI["spec"]["template"]["spec"]["containers"].append(
    {"name": "aws-eks-nodeagent", "image": "one:1", "args": ["--enable-network-policy=true"]}
)
WHOLE: tuple[tuple[str, dict[str, Any], dict[str, Any] | None], ...] = (
    (NODES, {"metadata": {"name": "node-a", "labels": LABELLED}}, READY),
    (INGRESS, {"metadata": {"name": "alb"}, "spec": {"controller": "ingress.k8s.aws/alb"}}, None),
    (
        CLASSES,
        {
            "metadata": {"name": "gp3"},
            "provisioner": "ebs.csi.aws.com",
            "allowVolumeExpansion": True,
            "volumeBindingMode": "WaitForFirstConsumer",
        },
        None,
    ),
    (CLASSES, {"metadata": {"name": "stiff"}, "provisioner": "other.example.com"}, None),
    (DRIVERS, {"metadata": {"name": "ebs.csi.aws.com"}, "spec": {}}, None),
    (
        f"{SYSTEM}/deployments",
        workload("aws-load-balancer-controller"),
        {"replicas": 2, "availableReplicas": 2, "readyReplicas": 2},
    ),
    (f"{SYSTEM}/daemonsets", VPC_CNI, None),
    (
        f"{SYSTEM}/daemonsets",
        workload("eks-pod-identity-agent"),
        {"numberReady": 1, "currentNumberScheduled": 1, "desiredNumberScheduled": 1, "numberMisscheduled": 0},
    ),
)


def look(cluster: Cluster, **changes: Any) -> dict[str, Finding]:
    """What is found, by what it is, for a stack in this cluster."""
    region: Raw = {"storageClass": "gp3", "nodeSelector": {"pool": "agents"}, **changes.pop("region", {})}
    settings = parse(stack(regions=[eks(US, **region)], **changes), "dev")
    (plan,) = clusters_of(settings)
    return {one.what: one for check in in_cluster.CHECKS for one in check(settings, plan, cluster)}


def missing(found: dict[str, Finding]) -> dict[str, Finding]:
    return {what: one for what, one in found.items() if not one.ok}


def test_a_cluster_that_has_everything_lacks_nothing(cluster: Cluster) -> None:
    found = look(cluster)

    assert missing(found) == {}
    assert found["nodes"].detail == f"1 ready, in {US}a"
    assert found["storage class gp3"].detail == "ebs.csi.aws.com"
    assert found["Pod Identity agent"].detail == "1 pods ready"
    assert found.keys() >= {"Kubernetes", "rights", "ingress class alb", "AWS Load Balancer Controller"}


@pytest.mark.parametrize(
    ("changes", "what", "told", "remedy"),
    [
        ({"region": {"nodeSelector": {"pool": "other"}}}, "nodes", "no node for the region", "pool=other"),
        ({"region": {"storageClass": "gold"}}, "storage class gold", "there is none", "storageClass"),
        ({"region": {"storageClass": None}}, "default storage class", "there is none", "storageClass"),
        ({"region": {"storageClass": "stiff"}}, "storage class stiff", "cannot grow", "allowVolumeExpansion"),
        (
            {"companies": [{"name": "acme", "brain": {"accessMode": "ReadWriteMany"}}]},
            "storage class gp3",
            "no ReadWriteMany, which acme need",
            "efs.csi.aws.com",
        ),
        ({"ingress": {"className": "nginx"}}, "ingress class nginx", "there are: alb", "ingress.className"),
        (
            {"loadBalancing": {"manager": "external-dns"}, "hostedZoneId": None},
            "external-dns",
            "not installed",
            "install the external-dns",
        ),
    ],
)
def test_what_settings_ask_for_and_is_not_there_is_missing(
    cluster: Cluster, changes: Raw, what: str, told: str, remedy: str
) -> None:
    lacks = missing(look(cluster, **changes))

    assert lacks.keys() == {what}
    assert told in lacks[what].detail and remedy in lacks[what].remedy


@pytest.mark.parametrize(
    ("path", "name", "what"),
    [
        (NODES, "node-a", "nodes"),
        (INGRESS, "alb", "ingress class alb"),
        (DRIVERS, "ebs.csi.aws.com", "storage class gp3"),
        (f"{SYSTEM}/deployments", "aws-load-balancer-controller", "AWS Load Balancer Controller"),
        (f"{SYSTEM}/daemonsets", "eks-pod-identity-agent", "Pod Identity agent"),
    ],
)
def test_what_is_taken_away_is_missing(cluster: Cluster, path: str, name: str, what: str) -> None:
    cluster.api.call("DELETE", f"{path}/{name}")
    try:
        assert what in missing(look(cluster))
    finally:
        for at, body, status in WHOLE:
            if (at, body["metadata"]["name"]) == (path, name):
                put(cluster.api, path, body, status)


class OldApi:
    """Answers for a cluster of another version, or for somebody without rights."""

    def __init__(self, api: KubernetesApi, **answers: Any) -> None:
        self._api, self._answers = api, answers

    def call(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Any:
        return self._answers.get(path.rpartition("/")[2]) or self._api.call(method, path, body, content)

    def list(self, *arguments: Any, **named: Any) -> Any:
        return self._api.list(*arguments, **named)


@pytest.mark.parametrize(
    ("answers", "what", "told"),
    [
        (
            {"version": {"major": "1", "minor": "29+", "gitVersion": "v1.29.8-eks"}},
            "Kubernetes",
            "v1.29.8-eks",
        ),
        (
            {"selfsubjectaccessreviews": {"status": {"allowed": False}}},
            "rights",
            "may not create namespaces, statefulsets.apps,",
        ),
    ],
)
def test_an_old_cluster_and_a_powerless_user_are_reported(
    cluster: Cluster, answers: Any, what: str, told: str
) -> None:
    api: Any = OldApi(cluster.api, **answers)
    lacks = missing(look(Cluster(name=cluster.name, regions=cluster.regions, api=api, kubectl="")))
    assert lacks.keys() == {what}
    assert told in lacks[what].detail
