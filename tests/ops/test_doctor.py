"""`python -m ops doctor`, on a real API server and an emulated account: each prerequisite missing in turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from clients.kubernetes_api import KubernetesApi
from local.aws import emulator as emulator_service
from local.aws.emulator import Emulator
from local.cluster.control_plane import CONTROLLER_MANAGER, ControlPlane
from local.machine.processes import Processes
from ops.aws import AwsAccess
from ops.cluster_access import Cluster
from ops.doctor import hosted_zone, in_account, in_cluster
from ops.doctor.findings import Finding
from ops.stack import Stack
from settings import clusters_of, parse
from tests.components.stacks import EU, US, eks, stack
from tests.services import started
from tests.strategies import Raw

DOMAIN = "agency.example.com"
DELEGATED = {"ns-2048.awsdns-64.com"}
"""A name server of each zone of the emulator."""
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
        {"metadata": {"name": "gp3"}, "provisioner": "ebs.csi.aws.com", "allowVolumeExpansion": True},
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
def test_an_old_cluster_and_a_powerless_user_are_told(
    cluster: Cluster, answers: Any, what: str, told: str
) -> None:
    api: Any = OldApi(cluster.api, **answers)
    lacks = missing(look(Cluster(name=cluster.name, regions=cluster.regions, api=api, kubectl="")))
    assert lacks.keys() == {what}
    assert told in lacks[what].detail


# The account.


def in_aws(emulator: Emulator, **changes: Any) -> dict[str, Finding]:
    settings = parse(stack(**changes), "dev")
    known = Stack(name="dev", file=Path("Pulumi.dev.yaml"), settings=settings)
    access = AwsAccess(local=True, arguments=emulator.credentials())
    return {
        one.what: one
        for check in (in_account.credentials, *in_account.CHECKS)
        for one in check(known, access)
    }


@pytest.fixture
def account(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    monkeypatch.setattr(hosted_zone, "name_servers", lambda _: DELEGATED)
    emulator_service.ensure_hosted_zone(emulator.url, "Z0DOCTOR", DOMAIN)
    for region in (US, EU):
        boto3.client("ec2", region_name=region, **emulator.credentials()).enable_ebs_encryption_by_default()
    client = boto3.client("eks", region_name=US, **emulator.credentials())
    network = {"subnetIds": ["subnet-1", "subnet-2"], "securityGroupIds": ["sg-1"]}
    client.create_cluster(
        name="doctor", roleArn="arn:aws:iam::123456789012:role/eks", resourcesVpcConfig=network
    )
    yield emulator
    client.delete_cluster(name="doctor")


def test_an_account_that_has_everything_lacks_nothing(account: Emulator) -> None:
    found = in_aws(account, hostedZoneId="Z0DOCTOR", regions=[eks(US, "doctor")])

    assert missing(found) == {}
    assert found["hosted zone Z0DOCTOR"].detail == DOMAIN
    assert found["EKS cluster doctor"].detail.startswith("ACTIVE")
    assert found["bucket agency-example-com-dev-us-east-1"].detail == "its name is free"


@pytest.mark.parametrize(
    ("changes", "what", "told"),
    [
        ({"hostedZoneId": "Z0NOBODYHASIT"}, "hosted zone Z0NOBODYHASIT", "NoSuchHostedZone"),
        (
            {"hostedZoneId": "Z0DOCTOR", "domain": "other.test"},
            "hosted zone Z0DOCTOR",
            "which other.test is not in",
        ),
        ({"regions": [eks(EU, "doctor")]}, "EKS cluster doctor", "ResourceNotFoundException"),
        (
            {
                "regions": [
                    eks(US, "doctor", certificateArn=f"arn:aws:acm:{US}:123456789012:certificate/none")
                ]
            },
            "certificate",
            "ResourceNotFoundException",
        ),
    ],
)
def test_what_the_account_has_not_is_missing(account: Emulator, changes: Raw, what: str, told: str) -> None:
    lacks = missing(
        in_aws(account, **{"hostedZoneId": "Z0DOCTOR", "regions": [eks(US, "doctor")], **changes})
    )

    assert lacks.keys() == {what}
    assert told in lacks[what].detail
    assert lacks[what].remedy


def test_volumes_that_would_not_be_encrypted_are_missing(account: Emulator) -> None:
    client = boto3.client("ec2", region_name=US, **account.credentials())
    client.disable_ebs_encryption_by_default()

    lacks = missing(in_aws(account, hostedZoneId="Z0DOCTOR", regions=[eks(US, "doctor")]))

    assert lacks.keys() == {"encryption of volumes"}
    assert f"enable-ebs-encryption-by-default --region {US}" in lacks["encryption of volumes"].remedy


def test_a_bucket_of_this_account_is_no_obstacle(account: Emulator) -> None:
    client = boto3.client("s3", region_name=US, **account.credentials())
    client.create_bucket(Bucket="agency-example-com-dev-us-east-1")
    try:
        found = in_aws(account, hostedZoneId="Z0DOCTOR", regions=[eks(US, "doctor")])
        assert found["bucket agency-example-com-dev-us-east-1"].detail == "it is this account's"
    finally:
        client.delete_bucket(Bucket="agency-example-com-dev-us-east-1")
