"""Who reaches whom under NetworkPolicies, by the rules of the Kubernetes API reference.

A pod that no policy selects for a direction is open in it; else only what a rule of any selecting policy
lists is let through. A rule without `from`/`to` means everybody, one without `ports` every port. `ipBlock` is
taken by every address that it contains, of pods too, as some network plugins do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Policy = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A pod of the cluster, or (without a namespace) an address outside."""

    name: str
    ip: str
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    space: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Labels that the namespace was given."""

    @property
    def namespace_labels(self) -> dict[str, str]:
        """With the one that the API server sets itself."""
        return {**self.space, "kubernetes.io/metadata.name": self.namespace} if self.namespace else {}


class Network:
    """The policies of one cluster."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self.policies = list(policies)

    def reaches(self, source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
        return self._lets("Egress", source, target, port, protocol) and self._lets(
            "Ingress", target, source, port, protocol
        )

    def _lets(self, direction: str, own: Peer, other: Peer, port: int, protocol: str) -> bool:
        selecting = [policy for policy in self.policies if _selects(policy, own, direction)]
        if not selecting:
            return True
        rules = [rule for policy in selecting for rule in policy["spec"].get(direction.lower()) or []]
        side = "from" if direction == "Ingress" else "to"
        return any(
            _is_port(rule.get("ports"), port, protocol) and _is_peer(rule.get(side), other, own)
            for rule in rules
        )


def _selects(policy: Policy, pod: Peer, direction: str) -> bool:
    spec = policy["spec"]
    return (
        pod.namespace == policy["metadata"]["namespace"]
        and direction in spec["policyTypes"]
        and _matches(spec["podSelector"], pod.labels)
    )


def _is_port(ports: Sequence[Mapping[str, Any]] | None, port: int, protocol: str) -> bool:
    if not ports:
        return True
    if any(not isinstance(item.get("port"), int) or "endPort" in item for item in ports):
        raise NotImplementedError(f"ports by name, or ranges of ports: {ports}")
    return any(item["port"] == port and item.get("protocol", "TCP") == protocol for item in ports)


def _is_peer(peers: Sequence[Mapping[str, Any]] | None, other: Peer, own: Peer) -> bool:
    return not peers or any(_fits(peer, other, own) for peer in peers)


def _fits(peer: Mapping[str, Any], other: Peer, own: Peer) -> bool:
    if "ipBlock" in peer:
        block, address = peer["ipBlock"], ip_address(other.ip)
        inside = address in ip_network(block["cidr"])
        return inside and not any(address in ip_network(item) for item in block.get("except", []))
    if other.namespace is None:
        return False
    if "namespaceSelector" in peer:
        near = _matches(peer["namespaceSelector"], other.namespace_labels)
    else:
        near = other.namespace == own.namespace
    return near and _matches(peer.get("podSelector", {}), other.labels)


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    asked = selector.get("matchExpressions", [])
    if selector.keys() - {"matchLabels", "matchExpressions"} or any(
        item["operator"] != "Exists" for item in asked
    ):
        raise NotImplementedError(f"selector {selector}")
    there = all(item["key"] in labels for item in asked)
    return there and bool(selector.get("matchLabels", {}).items() <= labels.items())
