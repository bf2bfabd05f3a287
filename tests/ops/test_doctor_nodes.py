"""`doctor` on what a cluster's nodes, namespaces and mode demand, and on the account's node groups."""

from __future__ import annotations

from typing import Any

import pytest

from ops.cluster_access import Cluster
from ops.doctor import in_cluster
from ops.doctor.findings import Finding
from ops.doctor.in_account import _address_family, _node_repair
from ops.doctor.in_cluster import Check
from ops.doctor.storage import storage
from ops.stack import Stack
from settings import clusters_of, parse
from tests.components.stacks import EU, US, eks, stack
from tests.ops.fake_aws import Answer, fake_aws
from tests.recording import ROOT

READY = {"conditions": [{"type": "Ready", "status": "True"}]}
TAINT = {"key": "dedicated", "value": "agents", "effect": "NoSchedule"}


def node(*, labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    own = {"topology.kubernetes.io/region": US, "topology.kubernetes.io/zone": f"{US}a", **(labels or {})}
    return {"metadata": {"name": "node", "labels": own}, "status": READY, "spec": spec}


class Api:
    def __init__(self, **objects: list[dict[str, Any]]) -> None:
        self._objects = objects

    def list(self, kind: str, **_: str) -> list[dict[str, Any]]:
        return self._objects.get(kind, [])

    def call(self, *_: str) -> dict[str, Any]:
        return {"items": []}


def look(
    check: Check, settings: dict[str, Any] | None = None, *, api: Any = None, **objects: Any
) -> dict[str, Finding]:
    known = parse(stack(**(settings or {})), "dev")
    plan = next(plan for plan in clusters_of(known) if plan.region == US)
    cluster = Cluster(name="blue", regions=(US,), api=api or Api(**objects), kubectl="kubectl")
    return {one.what: one for one in check(known, plan, cluster)}


@pytest.mark.parametrize(
    ("unfit", "why"),
    [
        (node(taints=[TAINT]), "they have the taint dedicated=agents:NoSchedule"),
        (node(taints=[{"key": "x", "effect": "NoExecute"}]), "they have the taint x=:NoExecute"),
        (node(unschedulable=True), "they are cordoned"),
        (node(labels={"kubernetes.io/os": "windows"}), "they run windows"),
    ],
)
def test_nodes_on_which_no_pod_may_run_do_not_count(unfit: dict[str, Any], why: str) -> None:
    found = look(in_cluster.nodes, Node=[unfit])["nodes"]
    assert not found.ok
    assert why in found.detail
    assert "regions[].tolerations" in found.remedy
    assert look(in_cluster.nodes, Node=[unfit, node()])["nodes"].detail == f"1 ready, in {US}a"


@pytest.mark.parametrize(
    "toleration",
    [
        TAINT,
        {"key": "dedicated", "operator": "Exists"},
        {"operator": "Exists"},
        {"key": "dedicated", "value": "agents"},
    ],
)
def test_a_taint_that_the_settings_tolerate_is_no_obstacle(toleration: dict[str, str]) -> None:
    regions = {"regions": [eks(US, tolerations=[toleration])]}
    assert look(in_cluster.nodes, regions, Node=[node(taints=[TAINT])])["nodes"].ok


@pytest.mark.parametrize("other", [{"key": "dedicated", "value": "gpu"}, {**TAINT, "effect": "NoExecute"}])
def test_a_toleration_of_something_else_does_not_help(other: dict[str, str]) -> None:
    regions = {"regions": [eks(US, tolerations=[other])]}
    assert not look(in_cluster.nodes, regions, Node=[node(taints=[TAINT])])["nodes"].ok


def test_a_taint_that_only_repels_is_no_obstacle() -> None:
    assert look(in_cluster.nodes, Node=[node(taints=[{**TAINT, "effect": "PreferNoSchedule"}])])["nodes"].ok


def space(name: str, company: str | None) -> dict[str, Any]:
    labels = {"labels": {"agency.global/company": company}} if company else {}
    return {"metadata": {"name": name, **labels}}


@pytest.mark.parametrize("label", [None, "other"])
def test_a_namespace_of_somebody_else_is_reported(label: str | None) -> None:
    found = look(in_cluster.namespaces, Namespace=[space("acme", label), space("kube-system", None)])
    one = found["namespace acme"]
    assert "exists and is not a company's" in one.detail and "agency.global/company=acme" in one.detail
    assert one.remedy.startswith("Give the company another name")


def test_own_new_and_other_clusters_namespaces_are_no_problem() -> None:
    assert look(in_cluster.namespaces, Namespace=[space("acme", "acme")]) == {}
    assert look(in_cluster.namespaces, Namespace=[]) == {}
    elsewhere = {
        "regions": [eks(US), eks(EU)],
        "companies": ["initech", {"name": "acme", "regions": [EU]}],
    }
    assert look(in_cluster.namespaces, elsewhere, Namespace=[space("acme", None)]) == {}


def ending(name: str, *conditions: tuple[str, str, str]) -> dict[str, Any]:
    """A namespace that is being deleted. Conditions: type, status and message."""
    metadata = {"name": name, "deletionTimestamp": "2026-01-02T03:04:05Z"}
    told = [{"type": kind, "status": status, "message": text} for kind, status, text in conditions]
    return {"metadata": metadata, "status": {"phase": "Terminating", "conditions": told}}


@pytest.mark.parametrize("name", ["acme", "digital-agency-system"])
def test_a_namespace_that_is_being_deleted_is_missing(name: str) -> None:
    held = ("NamespaceFinalizersRemaining", "True", "targetgroupbindings in 2 resource instances")
    done = ("NamespaceContentRemaining", "False", "All content successfully removed")
    one = look(in_cluster.namespaces, Namespace=[ending(name, held, done)])[f"namespace {name}"]
    assert not one.ok and "is being deleted since 2026-01-02T03:04:05Z" in one.detail
    assert "2 resource instances" in one.detail and "successfully" not in one.detail
    assert "wait until it is gone" in one.remedy and "pulumi up --refresh" in one.remedy
    assert look(in_cluster.namespaces, Namespace=[ending("others")]) == {}


AUTO = node(labels={"eks.amazonaws.com/compute-type": "auto"})
DNS = {"metadata": {"name": "kube-dns", "namespace": "kube-system"}, "spec": {"clusterIP": "10.100.0.10"}}


def test_in_auto_mode_the_pod_identity_agent_is_there() -> None:
    assert look(in_cluster.identity, Node=[AUTO])["Pod Identity agent"].ok
    assert not look(in_cluster.identity, Node=[node()])["Pod Identity agent"].ok


def test_in_auto_mode_the_address_of_dns_has_to_be_opened() -> None:
    one = look(in_cluster.cluster_dns, Node=[AUTO], Service=[DNS])["cluster DNS"]
    assert not one.ok
    rules = [{"cidr": "10.100.0.10/32", "port": 53, "protocol": name} for name in ("TCP", "UDP")]
    texts = [f"{{cidr: 10.100.0.10/32, port: 53, protocol: {name}}}" for name in ("TCP", "UDP")]
    assert one.remedy == f"set network.extraEgress: [{', '.join(texts)}]"
    network = {"network": {"extraEgress": rules}}
    assert look(in_cluster.cluster_dns, network, Node=[AUTO], Service=[DNS])["cluster DNS"].ok
    half = {"network": {"extraEgress": rules[:1]}}
    assert not look(in_cluster.cluster_dns, half, Node=[AUTO], Service=[DNS])["cluster DNS"].ok
    assert "clusterIP of the Service" in look(in_cluster.cluster_dns, Node=[AUTO])["cluster DNS"].remedy


def test_elsewhere_dns_is_in_pods() -> None:
    assert look(in_cluster.cluster_dns, Node=[node()], Service=[DNS]) == {}


def test_an_auto_mode_class_has_no_shared_volumes() -> None:
    shared = {
        "regions": [eks(US, storageClass="auto")],
        "companies": [{"name": "acme", "brain": {"accessMode": "ReadWriteMany"}}],
    }
    classes = [
        {
            "metadata": {"name": "auto"},
            "provisioner": "ebs.csi.eks.amazonaws.com",
            "allowVolumeExpansion": True,
            "volumeBindingMode": "WaitForFirstConsumer",
        }
    ]
    assert "no ReadWriteMany" in look(storage, shared, StorageClass=classes)["storage class auto"].detail
    alone = {"regions": [eks(US, storageClass="auto")]}
    assert look(storage, alone, StorageClass=classes)["storage class auto"].ok


def eks_with(**groups: bool | None) -> Any:
    """Node groups, and whether each is repaired (None: AWS says nothing about it)."""

    def described(*, nodegroupName: str, **_: str) -> dict[str, Any]:
        enabled = groups[nodegroupName]
        return {"nodegroup": {} if enabled is None else {"nodeRepairConfig": {"enabled": enabled}}}

    listed = {"nodegroups": list(groups)}
    answers: dict[str, Answer] = {"eks.list_nodegroups": listed, "eks.describe_nodegroup": described}
    return fake_aws(answers).client("eks", US)


def test_node_groups_without_auto_repair_are_reported() -> None:
    (plan,) = clusters_of(parse(stack(), "dev"))
    (one,) = _node_repair(plan, eks_with(a=True, b=False, c=None))
    assert not one.ok and "off for b, c" in one.detail
    assert "--node-repair-config enabled=true" in one.remedy
    (one,) = _node_repair(plan, eks_with(a=True))
    assert one.ok
    assert list(_node_repair(plan, eks_with())) == []


@pytest.mark.parametrize(
    ("family", "kind", "fine"),
    [("ipv6", None, False), ("ipv6", "ipv4", False), ("ipv6", "dualstack", True), ("ipv4", None, True)],
)
def test_pods_with_ipv6_addresses_need_load_balancers_with_them(
    family: str, kind: str | None, fine: bool
) -> None:
    balancer = {"ipAddressType": kind} if kind else {}
    settings = parse(stack(ingress={"loadBalancer": balancer}), "dev")
    (plan,) = clusters_of(settings)
    known = Stack(name="dev", file=ROOT / "Pulumi.dev.yaml", settings=settings)
    found = list(_address_family(known, plan, {"kubernetesNetworkConfig": {"ipFamily": family}}))
    assert (found == []) is fine
    assert all("dualstack" in one.remedy for one in found)
