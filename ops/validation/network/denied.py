"""Destinations that a company's pods must not reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address, ip_network

from clients.kubernetes_api import Object
from ops.validation.network.attempts import Destination, Kind
from ops.validation.network.pod_facts import PodFacts, is_link_local
from ops.validation.pod_target import PodTarget
from plan.networks import is_public

COMMON = (22, 443, 10250, 10255)
"""Tried at every pod, beside the ports that it has."""
KUBELET_READ_ONLY = 10255
NODE_PORTS = (22, 10249, 10250, KUBELET_READ_ONLY, 10256)
"""SSH, the kubelet with and without credentials, kube-proxy's metrics and health."""
HTTPS = 443
"""Network policies open it to every public address (`components/network_policies.py`)."""
METADATA = ("169.254.169.254", "fd00:ec2::254")
"""Source: the EC2 user guide, instance metadata."""


def of_pods(others: Iterable[PodFacts]) -> Iterator[Destination]:
    """Every port of a pod, at each of its addresses and by the names that cluster DNS gives pods."""
    for pod in others:
        tcp, udp = {*pod.declared, *pod.tcp, *COMMON}, {*pod.declared, *pod.udp}
        for host in (pod.address, *pod.more):
            kind = Kind.LINK_LOCAL if is_link_local(host) else Kind.POD
            required = host == pod.address
            for port in sorted(tcp):
                yield Destination(kind=kind, host=host, port=port, owner=pod.name, required=required)
            for port in sorted(udp):
                yield Destination(kind=kind, host=host, port=port, owner=pod.name, protocol="UDP")
        for name in _names(pod):
            for port in sorted(pod.declared):
                yield Destination(kind=Kind.POD, host=name, port=port, owner=pod.name)


def _names(pod: PodFacts) -> Iterator[str]:
    namespace, dashes = pod.source.namespace, pod.address.replace(".", "-").replace(":", "-")
    yield f"{dashes}.{namespace}.pod"
    if pod.hostname:
        yield f"{pod.hostname}.{namespace}.svc"


def of_services(services: Iterable[Object], others: Sequence[PodFacts]) -> Iterator[Destination]:
    """By name and by address: the Service's ports, and those of the pods behind it."""
    for service in services:
        spec, metadata = service["spec"], service["metadata"]
        name, namespace = metadata["name"], metadata["namespace"]
        selector = (spec.get("selector") or {}).items()
        behind = [
            pod for pod in others if pod.source.namespace == namespace and selector <= pod.labels.items()
        ]
        ports = {port["port"] for port in spec.get("ports", ()) if port.get("protocol", "TCP") == "TCP"}
        ports |= {port for pod in behind for port in pod.declared}
        addresses = [address for address in spec.get("clusterIPs", ()) if address != "None"]
        owner, required = f"the Service {namespace}/{name}", bool(behind)
        for host in (f"{name}.{namespace}.svc", *addresses):
            for port in sorted(ports):
                yield Destination(kind=Kind.SERVICE, host=host, port=port, owner=owner, required=required)


def around(target: PodTarget, own: PodFacts, pods: Iterable[PodFacts]) -> Iterator[Destination]:
    """Nodes, the instance metadata, the API server: unless the stack file opens them (`extraEgress`)."""
    for destination in (*_nodes(own, pods), *_metadata(), *_api_server(target)):
        if not _is_opened(target, destination):
            yield destination


def _nodes(own: PodFacts, pods: Iterable[PodFacts]) -> Iterator[Destination]:
    hosts = {pod.node: Kind.NODE for pod in (own, *pods)} | dict.fromkeys(own.neighbours, Kind.LINK_LOCAL)
    for host, kind in hosts.items():
        owner = f"the node {host}" if kind is Kind.NODE else f"a neighbour of {own.name}"
        for port in NODE_PORTS:
            yield Destination(kind=kind, host=host, port=port, owner=owner)
        yield Destination(kind=kind, host=host, port=10250, owner=owner, protocol="UDP")


def _metadata() -> Iterator[Destination]:
    for host in METADATA:
        yield Destination(kind=Kind.METADATA, host=host, port=80, owner="the node")


def _api_server(target: PodTarget) -> Iterator[Destination]:
    """But for public addresses on the port that is open to all of them."""
    labels = {"kubernetes.io/service-name": "kubernetes"}
    for each in target.cluster.api.list("EndpointSlice", "default", labels, version="discovery.k8s.io/v1"):
        for port in each.get("ports") or ():
            for endpoint in each.get("endpoints") or ():
                for host in endpoint["addresses"]:
                    if port["port"] != HTTPS or not is_public(host):
                        yield Destination(kind=Kind.API, host=host, port=port["port"], owner="the cluster")


def _is_opened(target: PodTarget, destination: Destination) -> bool:
    address = ip_address(destination.host)
    return destination.protocol == "TCP" and any(
        destination.port == egress.port and address in ip_network(egress.cidr)
        for egress in target.stack.settings.network.extra_egress
    )
