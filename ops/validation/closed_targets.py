"""What a company's pods must not reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address, ip_network

from ops.cluster_access import Object
from ops.validation.pod_facts import PodFacts, is_link_local
from ops.validation.pod_sites import PodSite
from ops.validation.reach import Kind, Target

USUAL = (22, 443, 10250, 10255)
"""Tried at every pod, beside the ports that it has."""
KUBELET_READ_ONLY = 10255
NODE_PORTS = (22, 10249, 10250, KUBELET_READ_ONLY, 10256)
"""SSH, the kubelet with and without credentials, kube-proxy's metrics and health."""
HTTPS = 443
"""Network policies open it to every address outside (`components/network_policies.py`)."""
METADATA = ("169.254.169.254", "fd00:ec2::254")
"""Source: the EC2 user guide, instance metadata."""


def of_pods(others: Iterable[PodFacts]) -> Iterator[Target]:
    """Every port of a pod, at each of its addresses and by the names that cluster DNS gives pods."""
    for pod in others:
        ports = sorted({*pod.declared, *pod.tcp, *USUAL})
        for address in (pod.address, *pod.more):
            kind = Kind.LINK_LOCAL if is_link_local(address) else Kind.POD
            required = address == pod.address
            for port in ports:
                yield Target(kind=kind, host=address, port=port, owner=pod.name, required=required)
            for port in sorted({*pod.declared, *pod.udp}):
                yield Target(kind=kind, host=address, port=port, owner=pod.name, protocol="UDP")
        for name in _names(pod):
            for port in sorted(pod.declared):
                yield Target(kind=Kind.POD, host=name, port=port, owner=pod.name)


def _names(pod: PodFacts) -> Iterator[str]:
    namespace, dashes = pod.source.namespace, pod.address.replace(".", "-").replace(":", "-")
    yield f"{dashes}.{namespace}.pod"
    if pod.hostname:
        yield f"{pod.hostname}.{namespace}.svc"


def of_services(services: Iterable[Object], others: Sequence[PodFacts]) -> Iterator[Target]:
    """By name and by address: the Service's ports, and those of the pods behind it."""
    for service in services:
        name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        spec = service["spec"]
        selector = (spec.get("selector") or {}).items()
        behind = [
            one for one in others if one.source.namespace == namespace and selector <= one.labels.items()
        ]
        ports = {one["port"] for one in spec.get("ports", ()) if one.get("protocol", "TCP") == "TCP"}
        ports |= {port for one in behind for port in one.declared}
        addresses = [one for one in spec.get("clusterIPs", ()) if one != "None"]
        for host in (f"{name}.{namespace}.svc", *addresses):
            for port in sorted(ports):
                owner = f"the Service {namespace}/{name}"
                yield Target(kind=Kind.SERVICE, host=host, port=port, owner=owner, required=bool(behind))


def around(site: PodSite, own: PodFacts, pods: Iterable[PodFacts]) -> Iterator[Target]:
    """Nodes, the instance metadata, the API server: unless the stack file opens them (`extraEgress`)."""
    every = [*_nodes(own, pods), *_metadata(), *_api_server(site)]
    return (one for one in every if not _is_opened(site, one))


def _nodes(own: PodFacts, pods: Iterable[PodFacts]) -> Iterator[Target]:
    hosts = {one.node: Kind.NODE for one in (own, *pods)} | dict.fromkeys(own.neighbours, Kind.LINK_LOCAL)
    for host, kind in hosts.items():
        owner = f"the node {host}" if kind is Kind.NODE else f"a neighbour of {own.name}"
        for port in NODE_PORTS:
            yield Target(kind=kind, host=host, port=port, owner=owner)
        yield Target(kind=kind, host=host, port=10250, owner=owner, protocol="UDP")


def _metadata() -> Iterator[Target]:
    for host in METADATA:
        yield Target(kind=Kind.METADATA, host=host, port=80, owner="the node")


def _api_server(site: PodSite) -> Iterator[Target]:
    """Where it is not on the port that is open to every address."""
    slices = site.cluster.api.list(
        "EndpointSlice",
        "default",
        {"kubernetes.io/service-name": "kubernetes"},
        version="discovery.k8s.io/v1",
    )
    for one in slices:
        for port in one.get("ports") or ():
            for endpoint in one.get("endpoints") or ():
                for host in endpoint["addresses"]:
                    if port["port"] != HTTPS:
                        yield Target(kind=Kind.API, host=host, port=port["port"], owner="the cluster")


def _is_opened(site: PodSite, target: Target) -> bool:
    address = ip_address(target.host)
    return any(
        target.protocol == "TCP" and target.port == one.port and address in ip_network(one.cidr)
        for one in site.stack.settings.network.extra_egress
    )
