"""What the network can reach of a pod: its addresses and ports, as its spec and the pod itself say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

from ops.cluster_access import Cluster, Object
from ops.validation import pods
from ops.validation.reach import Source


@dataclass(frozen=True, kw_only=True)
class PodFacts:
    source: Source
    labels: Mapping[str, str]
    address: str
    """The pod's own, in the cluster's family."""
    node: str
    """The node's address."""
    hostname: str
    """`<hostname>.<subdomain>` in the DNS of its headless Service; empty without one."""
    declared: Mapping[int, str]
    """TCP ports in the spec, to the name of their container."""
    more: tuple[str, ...] = ()
    """Other addresses that the pod has."""
    tcp: frozenset[int] = frozenset()
    udp: frozenset[int] = frozenset()
    """Ports at which a container of the pod listens, beyond loopback addresses."""
    nameservers: tuple[str, ...] = ()
    neighbours: tuple[str, ...] = ()
    """IPv6 link-local addresses of machines that it has sent to: its node's, and pods' beside it."""

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
    """With a gate in the pod also what it says of itself. Raises Failure and OperatorError."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod["status"]
    containers = [*spec.get("initContainers", ()), *spec["containers"]]
    source = Source(cluster=cluster, namespace=metadata["namespace"], pod=metadata["name"])
    told: dict[str, Any] = {}
    if any(one["name"] == pods.GATE for one in containers):
        told = pods.inside(cluster, source.namespace, source.pod, "listening", {})
    known = {*told.get("addresses", ()), *(one["ip"] for one in status.get("podIPs", ()))}
    subdomain = spec.get("subdomain")
    return PodFacts(
        source=source,
        labels=metadata.get("labels", {}),
        address=status["podIP"],
        node=status["hostIP"],
        hostname=f"{spec.get('hostname', source.pod)}.{subdomain}" if subdomain else "",
        declared={
            port["containerPort"]: one["name"]
            for one in containers
            for port in one.get("ports", ())
            if port.get("protocol", "TCP") == "TCP"
        },
        more=tuple(sorted(known - {status["podIP"]})),
        tcp=frozenset(told.get("tcp", ())),
        udp=frozenset(told.get("udp", ())),
        nameservers=tuple(told.get("nameservers", ())),
        neighbours=tuple(map(link_local, told.get("neighbours", ()))),
    )


def link_local(mac: str) -> str:
    """The IPv6 address that Linux gives an interface by its MAC address. Source: RFC 4291, appendix A."""
    one = bytes.fromhex(mac.replace(":", ""))
    identifier = bytes([one[0] ^ 2, *one[1:3], 0xFF, 0xFE, *one[3:]])
    return str(IPv6Address(b"\xfe\x80" + bytes(6) + identifier))


def is_link_local(address: str) -> bool:
    found = ip_address(address)
    return found.version == 6 and found.is_link_local
