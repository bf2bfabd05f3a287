"""`doctor` on a cluster's network policies, room, storage driver and monitoring, each state of them."""

from __future__ import annotations

from typing import Any

import pytest

from ops.doctor import in_cluster
from ops.doctor.enforcement import network_policies
from ops.doctor.findings import Finding
from ops.doctor.monitoring import monitoring
from ops.doctor.storage import storage
from tests.components.stacks import EU, US, eks
from tests.ops.test_doctor_nodes import READY, Api, look, node


class Cluster(Api):
    """An API server with these DaemonSets and groups."""

    def __init__(self, *sets: dict[str, Any], groups: tuple[str, ...] = (), **objects: Any) -> None:
        super().__init__(**objects)
        self._sets, self._groups = list(sets), [{"name": name} for name in groups]

    def call(self, method: str, path: str = "", *_: str) -> dict[str, Any]:
        return {"groups": self._groups} if path == "/apis" else {"items": self._sets}


def daemon_set(name: str, *containers: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"template": {"spec": {"containers": list(containers)}}}}


AGENT = {"name": "aws-eks-nodeagent", "args": ["--enable-network-policy=true"]}
IDLE = {"name": "aws-eks-nodeagent", "args": ["--enable-network-policy=false"]}


def cni(agent: dict[str, Any], mode: str | None = None) -> dict[str, Any]:
    env = [{"name": "NETWORK_POLICY_ENFORCING_MODE", "value": mode}] if mode else []
    return daemon_set("aws-node", {"name": "aws-node", "env": env}, agent)


def config(enabled: str) -> dict[str, Any]:
    data = {"enable-network-policy-controller": enabled}
    return {"metadata": {"name": "amazon-vpc-cni"}, "data": data}


@pytest.mark.parametrize(
    ("sets", "maps", "ok", "told"),
    [
        ([cni(AGENT, "strict")], [], True, "strict"),
        ([cni(AGENT, "standard")], [], True, "a pod starts open"),
        ([cni(AGENT)], [], True, "a pod starts open"),
        ([cni(IDLE)], [], False, "does not enforce them"),
        ([daemon_set("aws-node", {"name": "aws-node"})], [], False, "does not enforce them"),
        ([cni(IDLE), daemon_set("calico-node")], [], True, "calico-node enforces them"),
        ([daemon_set("cilium")], [], True, "cilium enforces them"),
        ([], [config("true")], True, "EKS Auto Mode enforces them"),
        ([], [config("false")], False, "not known"),
        ([daemon_set("kube-flannel-ds")], [], False, "not known"),
    ],
)
def test_whether_network_policies_are_enforced(sets: Any, maps: Any, ok: bool, told: str) -> None:
    found = look(network_policies, api=Cluster(*sets, ConfigMap=maps))["network policies"]
    assert (found.ok, told in found.detail) == (ok, True), found


def with_room(zone: str, cpu: str, memory: str) -> dict[str, Any]:
    one = node(labels={"topology.kubernetes.io/zone": zone})
    return {**one, "status": {**READY, "allocatable": {"cpu": cpu, "memory": memory}}}


def room(*nodes: dict[str, Any], **settings: Any) -> Finding:
    return look(in_cluster.nodes, settings, Node=list(nodes))["capacity"]


def test_a_region_needs_room_for_its_companies() -> None:
    """A company of default size requests 1.6 CPUs and 3.25 GiB."""
    one = room(with_room("a", "1500m", "16Gi"))
    assert (
        not one.ok
        and one.detail == "the companies request 1.6 CPUs and 3.2 GiB, the nodes have 1.5 CPUs and 16.0 GiB"
    )
    assert not room(with_room("a", "8", "3Gi")).ok
    assert room(with_room("a", "8", "3407872Ki")).ok
    two = {
        "companies": ["acme", "globex", {"name": "initech", "regions": [EU]}],
        "regions": [eks(US), eks(EU)],
    }
    assert not room(with_room("a", "3", "16Gi"), **two).ok
    assert room(with_room("a", "3200m", "16Gi"), **two).ok


def test_it_is_reported_when_the_loss_of_a_zone_leaves_too_little() -> None:
    enough = room(with_room("a", "2", "8Gi"), with_room("b", "2", "8Gi"))
    assert enough.ok and enough.detail == "4.0 CPUs and 16.0 GiB in a, b for 1.6 CPUs and 3.2 GiB"
    little = room(with_room("a", "8", "8Gi"), with_room("b", "1", "8Gi"))
    assert little.ok and "if a is lost, some companies wait for new nodes" in little.detail


@pytest.mark.parametrize("label", ["karpenter.sh/nodepool", "eks.amazonaws.com/compute-type"])
def test_nodes_that_are_added_on_demand_need_no_room_before(label: str) -> None:
    assert room(node(labels={label: "auto"})).ok


def test_nodes_that_do_not_say_what_they_have_are_unknown() -> None:
    one = room(node())
    assert not one.ok and one.detail.startswith("not known")


@pytest.mark.parametrize(
    ("provisioner", "drivers", "ok"),
    [
        ("kubernetes.io/aws-ebs", [], False),
        ("kubernetes.io/aws-ebs", ["ebs.csi.aws.com"], True),
        ("ebs.csi.aws.com", [], False),
        ("ebs.csi.eks.amazonaws.com", [], True),
        ("example.com/other", [], True),
    ],
)
def test_the_class_gp2_needs_the_driver_too(provisioner: str, drivers: list[str], ok: bool) -> None:
    gp2 = {
        "metadata": {"name": "gp2"},
        "provisioner": provisioner,
        "allowVolumeExpansion": True,
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    found = look(
        storage,
        {"regions": [eks(US, storageClass="gp2")]},
        StorageClass=[gp2],
        CSIDriver=[{"metadata": {"name": name}} for name in drivers],
    )["storage class gp2"]
    assert found.ok is ok
    assert ok or found.remedy == "install the add-on aws-ebs-csi-driver"


@pytest.mark.parametrize(
    ("provisioner", "ok"),
    [
        ("ebs.csi.aws.com", False),
        ("kubernetes.io/aws-ebs", False),
        ("ebs.csi.eks.amazonaws.com", False),
        ("efs.csi.aws.com", True),
        ("example.com/other", True),
    ],
)
def test_a_volume_of_one_zone_must_wait_for_its_pod(provisioner: str, ok: bool) -> None:
    now = {
        "metadata": {"name": "now"},
        "provisioner": provisioner,
        "allowVolumeExpansion": True,
        "volumeBindingMode": "Immediate",
    }
    drivers = [{"metadata": {"name": name}} for name in ("ebs.csi.aws.com", "efs.csi.aws.com")]
    region = {"regions": [eks(US, storageClass="now")]}
    one = look(storage, region, StorageClass=[now], CSIDriver=drivers)["storage class now"]
    assert one.ok is ok
    assert ok or "volumeBindingMode: WaitForFirstConsumer" in one.remedy


@pytest.mark.parametrize("installed", [True, False])
def test_alarms_of_prometheus_need_its_operator(installed: bool) -> None:
    settings = {"alarms": {"prometheusOperator": True}, "network": {"monitoringNamespace": "monitoring"}}
    api = Cluster(groups=("apps", "monitoring.coreos.com") if installed else ("apps",))
    assert look(monitoring, settings, api=api)["Prometheus operator"].ok is installed
    assert look(monitoring, api=api) == {}
