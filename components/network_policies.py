"""Network policies of a company's pods: nothing, opened for exactly what the platform needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.cluster import Cluster
from plan.names import COMPANY_LABEL, SYSTEM_NAMESPACE
from runtime.ports import GATE_PORT
from settings import Region, Settings

CONTROLLER = "failover-controller"
"""The failover controller's name: of its objects, and of its pods in their label."""
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


def network_policy(
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


def to_dns() -> Rule:
    return {
        "to": [
            {"namespaceSelector": {"matchLabels": {_NAMESPACE: "kube-system"}}},
            {"ipBlock": {"cidr": NODE_LOCAL_DNS}},
        ],
        "ports": [*_ports(53, protocol="UDP"), *_ports(53)],
    }


def to_https(*ports: int) -> Rule:
    """To anywhere but link-local addresses, where a node's credentials are."""
    return {
        "to": [
            {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}},
            {"ipBlock": {"cidr": "::/0", "except": ["fe80::/10", "fd00:ec2::/32"]}},
        ],
        "ports": _ports(*ports),
    }


def outbound(settings: Settings) -> list[Rule]:
    """DNS, HTTPS, the Pod Identity agent, and what the settings add."""
    identity = {"to": [{"ipBlock": {"cidr": cidr}} for cidr in POD_IDENTITY_AGENT], "ports": _ports(80)}
    extra = [
        {"to": [{"ipBlock": {"cidr": one.cidr}}], "ports": _ports(one.port)}
        for one in sorted(settings.network.extra_egress, key=lambda one: (one.cidr, one.port))
    ]
    return [to_dns(), to_https(443), identity, *extra]


def to_pods(labels: Mapping[str, str], port: int) -> Rule:
    return {"to": [{"podSelector": {"matchLabels": dict(labels)}}], "ports": _ports(port)}


def from_pods(labels: Mapping[str, str], port: int) -> Rule:
    return {"from": [{"podSelector": {"matchLabels": dict(labels)}}], "ports": _ports(port)}


def from_monitoring(settings: Settings, port: int = GATE_PORT) -> list[Rule]:
    if settings.network.monitoring_namespace is None:
        return []
    namespace = {"matchLabels": {_NAMESPACE: settings.network.monitoring_namespace}}
    return [{"from": [{"namespaceSelector": namespace}], "ports": _ports(port)}]


def from_controller(settings: Settings, *ports: int) -> list[Rule]:
    if not settings.failover_enabled:
        return []
    controller = {
        "namespaceSelector": {"matchLabels": {_NAMESPACE: SYSTEM_NAMESPACE}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": CONTROLLER}},
    }
    return [{"from": [controller], "ports": _ports(*ports)}]


def to_tenants(*ports: int) -> Rule:
    """To the workloads of every company of the cluster."""
    tenants = {
        "namespaceSelector": {"matchExpressions": [{"key": COMPANY_LABEL, "operator": "Exists"}]},
        "podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "digital-agency"}},
    }
    return {"to": [tenants], "ports": _ports(*ports)}


def together(some: Rules, more: Rules) -> Rules:
    if isinstance(some, pulumi.Output) or isinstance(more, pulumi.Output):
        return pulumi.Output.all(some, more).apply(lambda both: _each_once(*both))
    return _each_once(some, more)


def _each_once(some: list[Rule], more: list[Rule]) -> list[Rule]:
    return [*some, *(rule for rule in more if rule not in some)]


def from_load_balancer(settings: Settings, region: Region, cluster: Cluster, port: int) -> Rules:
    """The opening for whoever sends clients' requests: the networks in the settings, else the subnets of the
    AWS load balancers, else the namespace of the ingress controller in the cluster.

    Where subnets are looked up and none are found the opening is left out: a rule without a sender would let
    everybody in.
    """
    if region.ingress_from is not None:
        return _from_networks(region.ingress_from, port)
    ingress = settings.ingress_of(region)
    if ingress.makes_load_balancers:
        assert cluster.load_balancer_subnets is not None  # The settings require ingressFrom elsewhere.
        tag = ingress.scheme.subnet_tag
        return cluster.load_balancer_subnets.apply(
            lambda networks: _from_subnets(networks, region, tag, port)
        )
    namespace = {"matchLabels": {_NAMESPACE: ingress.namespace}}
    return [{"from": [{"namespaceSelector": namespace}], "ports": _ports(port)}]


def _from_networks(networks: Sequence[str], port: int) -> list[Rule]:
    if not networks:
        return []
    return [{"from": [{"ipBlock": {"cidr": cidr}} for cidr in sorted(networks)], "ports": _ports(port)}]


def _from_subnets(networks: Sequence[str], region: Region, tag: str, port: int) -> list[Rule]:
    if not networks:
        pulumi.log.warn(
            f"{region.name}: no subnet of the cluster's VPC has the tag {tag}, so no load balancer may reach"
            " its Agents: tag them, or set regions[].ingressFrom"
        )
    return _from_networks(networks, port)
