"""Who can talk to whom, computed from the NetworkPolicies of every stack, and that it is what is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any

from plan.names import SYSTEM_NAMESPACE
from settings import Region, Settings
from tests.network_evaluator import Network, Peer
from tests.recording import NETWORK_POLICY, STATEFUL_SET, Recording

AGENT, BRAIN, HEALTH_MONITOR, METRICS = 3000, 3002, 3004, 3010
PORTS = (22, 53, 80, 443, 8080, AGENT, BRAIN, HEALTH_MONITOR, METRICS)
PROTOCOLS = ("TCP", "UDP")
INTERNET = ("93.184.216.34", "2606:2800:220:1::1")
POD_IDENTITY_AGENT = ("169.254.170.23", "fd00:ec2::23")
LINK_LOCAL = ("169.254.169.254", "fe80::1", "fd00:ec2::254")
NODE_DNS = "169.254.20.10"


@dataclass(frozen=True, kw_only=True)
class Pod(Peer):
    """A pod of a company; what it is comes from its StatefulSet's name, never from its labels."""

    kind: str = ""
    region: str = ""


def _pods(run: Recording, cluster: str) -> Iterator[Pod]:
    """One of each StatefulSet. Their addresses lie in the VPC beside the load balancer's subnets."""
    sets = [one for one in run.of(STATEFUL_SET) if run.cluster_of(one) == cluster]
    for number, one in enumerate(sets):
        metadata = one.inputs["metadata"]
        kind, _, region = metadata["name"].partition("-")
        yield Pod(
            name=metadata["name"],
            ip=f"10.200.{number // 250}.{number % 250 + 1}",
            namespace=metadata["namespace"],
            labels=one.inputs["spec"]["template"]["metadata"]["labels"],
            kind=kind,
            region=region,
        )


def _around(settings: Settings, agent_labels: dict[str, Any]) -> Iterator[Peer]:
    """Pods of other namespaces, some with the labels of an Agent, and addresses outside."""
    for number, namespace in enumerate(
        {"default", SYSTEM_NAMESPACE, "kube-system", "monitoring", "elsewhere", settings.ingress.namespace}
    ):
        yield Peer(name=namespace, ip=f"10.201.0.{number + 1}", namespace=namespace, labels=agent_labels)
    for address in (*INTERNET, *POD_IDENTITY_AGENT, *LINK_LOCAL, NODE_DNS):
        yield Peer(name=address, ip=address)
    for region in settings.regions:
        for cidr in region.ingress_from or ():
            yield Peer(name=f"load balancer of {region.name}", ip=str(ip_network(cidr)[7]))
    for extra in settings.network.extra_egress:
        yield Peer(name="extra", ip=str(ip_network(extra.cidr)[9]))


def _is_in(address: str, *networks: str) -> bool:
    return any(ip_address(address) in ip_network(network) for network in networks)


def _out(settings: Settings, target: Peer, port: int, protocol: str) -> bool:
    """Whether a company's pod may send something there that is no pod of a company."""
    dns = port == 53 and (target.namespace == "kube-system" or target.ip == NODE_DNS)
    if protocol == "UDP":
        return dns
    https = port == 443 and not _is_in(target.ip, "169.254.0.0/16", "fe80::/10", "fd00:ec2::/32")
    extra = any(one.port == port and _is_in(target.ip, one.cidr) for one in settings.network.extra_egress)
    return dns or https or extra or (port == 80 and target.ip in POD_IDENTITY_AGENT)


def _into(run: Recording, region: Region, source: Peer, target: Pod, port: int) -> bool:
    """Whether a company's pod is reached from what is no pod of a company."""
    if port == METRICS:
        return source.namespace is not None and source.namespace == run.settings.network.monitoring_namespace
    if (target.kind, port) != ("agent", AGENT):
        return False
    if region.ingress_from is not None:
        return _is_in(source.ip, *region.ingress_from)
    if region.cluster and region.cluster.eks:
        return False  # The tests' lookup finds no subnet; a given endpoint means none is made.
    return source.namespace == run.settings.ingress.namespace


def allowed(run: Recording, source: Peer, target: Peer, port: int, protocol: str) -> bool:
    """What the design lets through, said without labels and selectors."""
    regions = {region.name: region for region in run.settings.regions}
    if isinstance(source, Pod) and isinstance(target, Pod):
        return (source.kind, target.kind, port, protocol) == ("agent", "brain", BRAIN, "TCP") and (
            source.namespace,
            source.region,
        ) == (target.namespace, target.region)
    if isinstance(source, Pod):
        return _out(run.settings, target, port, protocol)
    assert isinstance(target, Pod)
    return protocol == "TCP" and _into(run, regions[target.region], source, target, port)


def pods_reach_exactly_what_they_may(run: Recording) -> None:
    ports = {*PORTS, *(extra.port for extra in run.settings.network.extra_egress)}
    for cluster in {run.cluster_of(one) for one in run.of(STATEFUL_SET)}:
        policies = [one.inputs for one in run.of(NETWORK_POLICY) if run.cluster_of(one) == cluster]
        network, pods = Network(policies), list(_pods(run, cluster))
        around = list(_around(run.settings, dict(next(pod.labels for pod in pods if pod.kind == "agent"))))
        pairs = [*product(pods, [*pods, *around]), *product(around, pods)]
        for (source, target), port, protocol in product(pairs, sorted(ports), PROTOCOLS):
            found = network.reaches(source, target, port, protocol)
            assert found is allowed(run, source, target, port, protocol), (source, target, port, protocol)


def no_opening_is_for_everybody(run: Recording) -> None:
    """A rule without senders or receivers, or with an empty list of them, would mean all."""
    for one in run.of(NETWORK_POLICY):
        spec = one.inputs["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        for direction, side in (("ingress", "from"), ("egress", "to")):
            for rule in spec.get(direction, []):
                assert rule.get(side), f"{one.name}: {rule}"
                assert rule.get("ports"), f"{one.name}: {rule}"
                assert all(peer and all(peer.values()) for peer in rule[side]), f"{one.name}: {rule}"


def every_namespace_begins_closed(run: Recording) -> None:
    for company in run.settings.companies:
        found = [
            one
            for one in run.objects(NETWORK_POLICY, namespace=company.namespace)
            if not one.inputs["spec"]["podSelector"]
        ]
        assert {run.cluster_of(one) for one in found} == {
            run.cluster_of(one) for one in run.objects(STATEFUL_SET, namespace=company.namespace)
        }
        for one in found:
            assert one.inputs["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


RULES = (pods_reach_exactly_what_they_may, no_opening_is_for_everybody, every_namespace_begins_closed)
