"""Network policies of a company's pods: nothing, opened for exactly what the platform needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.cluster import Cluster
from settings import Region, Settings

METRICS_PORT = 3010
POD_IDENTITY_AGENT = ("169.254.170.23/32", "fd00:ec2::23/128")
NODE_LOCAL_DNS = "169.254.20.10/32"
_NAMESPACE = "kubernetes.io/metadata.name"

Rule = dict[str, Any]
Rules = list[Rule] | pulumi.Output[list[Rule]]


def deny_all(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "default-deny", "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }


def policy(
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    *,
    ingress: Rules,
    egress: Sequence[Rule],
) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": {
            "podSelector": {"matchLabels": dict(labels)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": list(egress),
        },
    }


def _ports(*ports: int, protocol: str = "TCP") -> list[dict[str, Any]]:
    return [{"protocol": protocol, "port": port} for port in ports]


def outbound(settings: Settings) -> list[Rule]:
    """DNS, HTTPS to anywhere but link-local addresses, the Pod Identity agent, and what the settings add."""
    dns = {
        "to": [
            {"namespaceSelector": {"matchLabels": {_NAMESPACE: "kube-system"}}},
            {"ipBlock": {"cidr": NODE_LOCAL_DNS}},
        ],
        "ports": [*_ports(53, protocol="UDP"), *_ports(53)],
    }
    https = {
        "to": [
            {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}},
            {"ipBlock": {"cidr": "::/0", "except": ["fe80::/10", "fd00:ec2::/32"]}},
        ],
        "ports": _ports(443),
    }
    identity = {"to": [{"ipBlock": {"cidr": cidr}} for cidr in POD_IDENTITY_AGENT], "ports": _ports(80)}
    extra = [
        {"to": [{"ipBlock": {"cidr": one.cidr}}], "ports": _ports(one.port)}
        for one in sorted(settings.network.extra_egress, key=lambda one: (one.cidr, one.port))
    ]
    return [dns, https, identity, *extra]


def to_pods(labels: Mapping[str, str], port: int) -> Rule:
    return {"to": [{"podSelector": {"matchLabels": dict(labels)}}], "ports": _ports(port)}


def from_pods(labels: Mapping[str, str], port: int) -> Rule:
    return {"from": [{"podSelector": {"matchLabels": dict(labels)}}], "ports": _ports(port)}


def from_monitoring(settings: Settings) -> list[Rule]:
    if settings.network.monitoring_namespace is None:
        return []
    namespace = {"matchLabels": {_NAMESPACE: settings.network.monitoring_namespace}}
    return [{"from": [{"namespaceSelector": namespace}], "ports": _ports(METRICS_PORT)}]


def from_load_balancer(settings: Settings, region: Region, cluster: Cluster, port: int) -> Rules:
    """The opening for the load balancer: its subnets, else the namespace of the controller in the cluster.

    Where subnets should be looked up and none are found the opening is left out: a rule without a sender
    would let everybody in.
    """
    if region.ingress_from is not None:
        return _from_networks(region.ingress_from, port)
    if cluster.load_balancer_subnets is not None:
        return cluster.load_balancer_subnets.apply(lambda networks: _from_subnets(networks, region, port))
    if cluster.plan.eks is not None:
        return []
    namespace = {"matchLabels": {_NAMESPACE: settings.ingress.namespace}}
    return [{"from": [{"namespaceSelector": namespace}], "ports": _ports(port)}]


def _from_networks(networks: Sequence[str], port: int) -> list[Rule]:
    if not networks:
        return []
    return [{"from": [{"ipBlock": {"cidr": cidr}} for cidr in sorted(networks)], "ports": _ports(port)}]


def _from_subnets(networks: Sequence[str], region: Region, port: int) -> list[Rule]:
    if not networks:
        pulumi.log.warn(
            f"{region.name}: no subnet of the cluster's VPC is tagged kubernetes.io/role/elb or internal-elb,"
            " so no load balancer may reach its Agents: tag them, or set regions[].ingressFrom"
        )
    return _from_networks(networks, port)
