"""Addresses and ports of a pod, by its spec and by the pod itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

from clients.kubernetes_api import Object
from ops.cluster_access import Cluster
from ops.probing.containers import GATE
from ops.probing.pods import Container


@dataclass(frozen=True, kw_only=True)
class PodFacts:
    source: Container
    """The pod's gate, which makes attempts to connect."""
    labels: Mapping[str, str]
    address: str
    """The pod's own address, in the cluster's family."""
    node: str
    """The node's address."""
    hostname: str
    """`<hostname>.<subdomain>` in the DNS of its headless Service; empty without one."""
    declared: Mapping[int, str]
    """TCP ports in the spec, with the name of their container."""
    more: tuple[str, ...] = ()
    """Other addresses that the pod has."""
    tcp: frozenset[int] = frozenset()
    udp: frozenset[int] = frozenset()
    """Ports at which a container of the pod listens, beyond loopback addresses."""
    nameservers: tuple[str, ...] = ()
    neighbours: tuple[str, ...] = ()
    """IPv6 link-local addresses of machines to which the pod has sent packets: its node, pods beside it."""

    @property
    def name(self) -> str:
        return str(self.source)


def running(cluster: Cluster, namespace: str) -> list[Object]:
    """The pods of a namespace that have an address of their own."""
    return [
        pod
        for pod in cluster.api.list("Pod", namespace)
        if pod.get("status", {}).get("phase") == "Running" and pod["status"].get("podIP")
        if not pod["metadata"].get("deletionTimestamp") and not pod["spec"].get("hostNetwork")
    ]


def facts_of(cluster: Cluster, pod: Object) -> PodFacts:
    """With a gate in the pod also what the pod reports about itself. Raises Failure and OperatorError."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod["status"]
    containers = [*spec.get("initContainers", ()), *spec["containers"]]
    source = Container(cluster=cluster, namespace=metadata["namespace"], pod=metadata["name"])
    report: dict[str, Any] = {}
    if any(container["name"] == GATE for container in containers):
        report = source.run("listening", {})
    addresses = {*report.get("addresses", ()), *(each["ip"] for each in status.get("podIPs", ()))}
    subdomain = spec.get("subdomain")
    return PodFacts(
        source=source,
        labels=metadata.get("labels", {}),
        address=status["podIP"],
        node=status["hostIP"],
        hostname=f"{spec.get('hostname', source.pod)}.{subdomain}" if subdomain else "",
        declared={
            port["containerPort"]: container["name"]
            for container in containers
            for port in container.get("ports", ())
            if port.get("protocol", "TCP") == "TCP"
        },
        more=tuple(sorted(addresses - {status["podIP"]})),
        tcp=frozenset(report.get("tcp", ())),
        udp=frozenset(report.get("udp", ())),
        nameservers=tuple(report.get("nameservers", ())),
        neighbours=tuple(map(link_local, report.get("neighbours", ()))),
    )


def link_local(mac: str) -> str:
    """The IPv6 address that Linux gives an interface by its MAC address. Source: RFC 4291, appendix A."""
    octets = bytes.fromhex(mac.replace(":", ""))
    identifier = bytes([octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]])
    return str(IPv6Address(b"\xfe\x80" + bytes(6) + identifier))


def is_link_local(address: str) -> bool:
    ip = ip_address(address)
    return ip.version == 6 and ip.is_link_local
