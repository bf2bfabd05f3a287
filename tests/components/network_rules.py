"""Which pods can connect, computed from the NetworkPolicies of every stack, and whether that is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any

from plan.names import SYSTEM_NAMESPACE
from settings import Region, Settings, clusters_of
from tests.network_evaluator import Network, Peer
from tests.recording import DEPLOYMENT, NAMESPACE, NETWORK_POLICY, STATEFUL_SET, Recording

AGENT, BRAIN, HEALTH_MONITOR, GATE = 3000, 3002, 3004, 3010
EDGES, METRICS, API = 8080, 8081, 6443
"""Of the failover controller: what edges reach, what monitoring does, and where it finds an API server."""
PORTS = (22, 53, 80, 443, API, EDGES, METRICS, AGENT, BRAIN, HEALTH_MONITOR, GATE)
CONTROLLER = "failover-controller"
PROTOCOLS = ("TCP", "UDP")
INTERNET = ("93.184.216.34", "2606:2800:220:1::1", "2a05:d018::1")
PRIVATE = (
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.9.9",
    "198.19.0.1", "127.0.0.1", "0.0.0.0", "192.0.0.1", "224.0.0.251", "255.255.255.255", "fd12:3456::1",
    "fc00::1", "64:ff9b::a00:1", "64:ff9b::5db8:d822", "64:ff9b:1::1", "::ffff:10.0.0.1", "2002:a00:1::1",
    "2001:0:a00:1::1", "ff02::1", "::1",
)  # fmt: skip
"""Of the VPC, of networks beside it, and others that are not in the internet."""
POD_IDENTITY_AGENT = ("169.254.170.23", "fd00:ec2::23")
LINK_LOCAL = ("169.254.169.254", "fe80::1", "fd00:ec2::254")
NODE_DNS = "169.254.20.10"


@dataclass(frozen=True, kw_only=True)
class Pod(Peer):
    """A pod of the stack; what it is comes from the name of what makes it, never from its labels."""

    kind: str = ""
    region: str = ""
    """None of the controller's."""


def _pods(run: Recording, cluster: str) -> Iterator[Pod]:
    """One of each StatefulSet and Deployment. Their addresses lie in the VPC beside the load balancers'."""
    workloads = [
        resource for resource in run.of(STATEFUL_SET, DEPLOYMENT) if run.cluster_of(resource) == cluster
    ]
    spaces = {
        resource.inputs["metadata"]["name"]: resource.inputs["metadata"]["labels"]
        for resource in run.of(NAMESPACE)
    }
    for number, resource in enumerate(workloads):
        metadata = resource.inputs["metadata"]
        kind, _, region = (
            metadata["name"].partition("-") if resource.type == STATEFUL_SET else (CONTROLLER, "", "")
        )
        yield Pod(
            name=metadata["name"],
            ip=f"10.200.{number // 250}.{number % 250 + 1}",
            namespace=metadata["namespace"],
            labels=resource.inputs["spec"]["template"]["metadata"]["labels"],
            space=spaces[metadata["namespace"]],
            kind=kind,
            region=region,
        )


def _around(settings: Settings, disguises: list[dict[str, Any]]) -> Iterator[Peer]:
    """Pods of other namespaces, with the labels of an Agent or of the controller, and addresses outside."""
    spaces = {"default", "kube-system", "monitoring", "elsewhere", settings.ingress.namespace}
    for number, (namespace, labels) in enumerate(product(sorted(spaces), disguises)):
        yield Peer(name=namespace, ip=f"10.201.0.{number + 1}", namespace=namespace, labels=labels)
    # In the controller's own namespace, without being one.
    yield Peer(name="system", ip="10.201.1.1", namespace=SYSTEM_NAMESPACE, labels=disguises[0])
    for address in (*INTERNET, *PRIVATE, *POD_IDENTITY_AGENT, *LINK_LOCAL, NODE_DNS):
        yield Peer(name=address, ip=address)
    for region in settings.regions:
        for cidr in region.ingress_from or ():
            yield Peer(name=f"load balancer of {region.name}", ip=str(ip_network(cidr)[7]))
    for extra in settings.network.extra_egress:
        network = ip_network(extra.cidr)
        yield Peer(name="extra", ip=str(network[min(9, network.num_addresses - 1)]))


def _is_in(address: str, *networks: str) -> bool:
    return any(ip_address(address) in ip_network(network) for network in networks)


def _out(settings: Settings, source: Pod, target: Peer, port: int, protocol: str) -> bool:
    """Whether a pod of the stack may send something to a peer outside the stack."""
    dns = port == 53 and (target.namespace == "kube-system" or target.ip == NODE_DNS)
    extra = source.kind != CONTROLLER and any(
        (egress.port, egress.protocol) == (port, protocol) and _is_in(target.ip, egress.cidr)
        for egress in settings.network.extra_egress
    )
    if protocol == "UDP":
        return dns or extra
    if source.kind == CONTROLLER:
        outside = not _is_in(target.ip, "169.254.0.0/16", "fe80::/10", "fd00:ec2::/32")
        return dns or (port in (443, API) and outside)
    role = settings.identity == "pod-identity" and port == 80 and target.ip in POD_IDENTITY_AGENT
    return (
        dns or (port == 443 and target.ip in INTERNET) or extra or role or _endpoint(settings, target, port)
    )


def _endpoint(settings: Settings, target: Peer, port: int) -> bool:
    """The S3 API of the stack `local`: an address, or a Service at some private address."""
    if settings.replication.endpoint is None:
        return False
    host, _, number = settings.replication.endpoint.partition("://")[2].strip("/").partition(":")
    if host.replace(".", "").isdigit():
        return (target.ip, port) == (host, int(number or 80))
    return port == 443 and _is_in(target.ip, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


def _balances(run: Recording, region: Region, source: Peer) -> bool:
    """Whether the load balancer of a region may come from there."""
    if region.ingress_from is not None:
        return _is_in(source.ip, *region.ingress_from)
    if run.settings.ingress_of(region).makes_load_balancers:
        return False  # The tests' lookup finds no subnet.
    return source.namespace == run.settings.ingress.namespace


def _into(run: Recording, regions: list[Region], source: Peer, target: Pod, port: int) -> bool:
    """Whether a peer outside the stack reaches a pod of the stack that serves these regions."""
    metrics, open_to_edges = {CONTROLLER: (METRICS, EDGES), "agent": (GATE, AGENT), "brain": (GATE, None)}[
        target.kind
    ]
    if port == metrics:
        return source.namespace is not None and source.namespace == run.settings.network.monitoring_namespace
    return port == open_to_edges and any(_balances(run, region, source) for region in regions)


def _among_us(source: Pod, target: Pod, port: int) -> bool:
    """An Agent asks its Brain; the controller asks every workload and its gate."""
    if source.kind == CONTROLLER:
        return (target.kind, port) in {("agent", AGENT), ("brain", BRAIN), ("agent", GATE), ("brain", GATE)}
    same = (source.namespace, source.region) == (target.namespace, target.region)
    return same and (source.kind, target.kind, port) == ("agent", "brain", BRAIN)


def allowed(run: Recording, cluster: str, source: Peer, target: Peer, port: int, protocol: str) -> bool:
    """What the design lets through, said without labels and selectors."""
    closed = [peer for peer in (source, target) if not isinstance(peer, Pod)]
    if run.settings.failover_enabled and any(peer.namespace == SYSTEM_NAMESPACE for peer in closed):
        return False
    if isinstance(source, Pod) and isinstance(target, Pod):
        return protocol == "TCP" and _among_us(source, target, port)
    if isinstance(source, Pod):
        return _out(run.settings, source, target, port, protocol)
    assert isinstance(target, Pod)
    here = next(plan.regions for plan in clusters_of(run.settings) if plan.id == cluster)
    regions = [region for region in here if target.region in ("", region.name)]
    return protocol == "TCP" and _into(run, regions, source, target, port)


def pods_reach_exactly_what_they_may(run: Recording) -> None:
    ports = {*PORTS, *(extra.port for extra in run.settings.network.extra_egress)}
    for cluster in {run.cluster_of(resource) for resource in run.of(STATEFUL_SET, DEPLOYMENT)}:
        policies = [
            resource.inputs for resource in run.of(NETWORK_POLICY) if run.cluster_of(resource) == cluster
        ]
        network, pods = Network(policies), list(_pods(run, cluster))
        disguises = {pod.kind: dict(pod.labels) for pod in pods if pod.kind in ("agent", CONTROLLER)}
        around = list(_around(run.settings, [disguises[kind] for kind in sorted(disguises)]))
        pairs = [*product(pods, [*pods, *around]), *product(around, pods)]
        for (source, target), port, protocol in product(pairs, sorted(ports), PROTOCOLS):
            found = network.reaches(source, target, port, protocol)
            assert found is allowed(run, cluster, source, target, port, protocol), (
                source,
                target,
                port,
                protocol,
            )


def companies_are_closed_to_the_system_namespace_whatever_it_sends(run: Recording) -> None:
    """And the other way round: neither relies on the other's policies."""
    for cluster in {run.cluster_of(resource) for resource in run.of(STATEFUL_SET)}:
        policies = [
            resource.inputs for resource in run.of(NETWORK_POLICY) if run.cluster_of(resource) == cluster
        ]
        of_system = [
            resource for resource in policies if resource["metadata"]["namespace"] == SYSTEM_NAMESPACE
        ]
        of_companies, pods = (
            [resource for resource in policies if resource not in of_system],
            list(_pods(run, cluster)),
        )
        others = [pod for pod in pods if pod.kind != CONTROLLER]
        inside = [pod for pod in pods if pod.kind == CONTROLLER]
        stranger = Peer(name="system", ip="10.201.1.1", namespace=SYSTEM_NAMESPACE, labels=others[0].labels)
        for target, port in product(others, PORTS):
            assert not Network(of_companies).reaches(stranger, target, port), (target, port)
            for controller in inside:
                found = Network(of_companies).reaches(controller, target, port)
                assert found is _among_us(controller, target, port), (target, port)
                sent = Network(of_system).reaches(controller, target, port)
                assert sent is (port in (AGENT, BRAIN, GATE, 443, API)), (target, port)


def no_opening_is_for_everybody(run: Recording) -> None:
    """A rule without senders or receivers, or with an empty list of them, would mean all."""
    for resource in run.of(NETWORK_POLICY):
        spec = resource.inputs["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        for direction, side in (("ingress", "from"), ("egress", "to")):
            for rule in spec.get(direction, []):
                assert rule.get(side), f"{resource.name}: {rule}"
                assert rule.get("ports"), f"{resource.name}: {rule}"
                assert all(peer and all(peer.values()) for peer in rule[side]), f"{resource.name}: {rule}"


def every_namespace_begins_closed(run: Recording) -> None:
    """Wherever a pod of the stack is."""
    for namespace in (SYSTEM_NAMESPACE, *(company.namespace for company in run.settings.companies)):
        found = [
            resource
            for resource in run.objects(NETWORK_POLICY, namespace=namespace)
            if not resource.inputs["spec"]["podSelector"]
        ]
        pods = [
            *run.objects(STATEFUL_SET, namespace=namespace),
            *run.objects(DEPLOYMENT, namespace=namespace),
        ]
        assert {run.cluster_of(resource) for resource in found} == {
            run.cluster_of(resource) for resource in pods
        }
        for resource in found:
            assert resource.inputs["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


RULES = (
    pods_reach_exactly_what_they_may,
    companies_are_closed_to_the_system_namespace_whatever_it_sends,
    no_opening_is_for_everybody,
    every_namespace_begins_closed,
)
