"""NetworkPolicies: all traffic denied, except for exactly what the platform needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

import pulumi

from components.cluster import Cluster
from plan.names import (
    COMPANY_LABEL,
    FAILOVER_CONTROLLER,
    NAMESPACE_LABEL,
    PLATFORM_LABEL,
    SYSTEM_NAMESPACE,
)
from plan.networks import (
    EVERY_IPV4,
    GLOBAL_IPV6,
    NOT_PUBLIC_IPV4,
    NOT_PUBLIC_IPV6,
    RFC_1918,
    exceptions,
)
from runtime.ports import GATE_PORT
from settings import Region, Settings
from settings.models import Identity
from settings.network import ExtraEgress

POD_IDENTITY_AGENT = ("169.254.170.23/32", "fd00:ec2::23/128")
NODE_LOCAL_DNS = "169.254.20.10/32"

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
            {"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: "kube-system"}}},
            {"ipBlock": {"cidr": NODE_LOCAL_DNS}},
        ],
        "ports": [*_ports(53, protocol="UDP"), *_ports(53)],
    }


HTTPS_PORT = 443


def to_internet() -> Rule:
    """HTTPS to public addresses alone: not into the VPC, into peered networks or through NAT64."""
    return {
        "to": [
            {"ipBlock": {"cidr": EVERY_IPV4, "except": list(NOT_PUBLIC_IPV4)}},
            {"ipBlock": {"cidr": GLOBAL_IPV6, "except": list(NOT_PUBLIC_IPV6)}},
        ],
        "ports": _ports(HTTPS_PORT),
    }


def to_all(*ports: int) -> Rule:
    """To all addresses except link-local ones, which serve a node's credentials."""
    return {
        "to": [
            {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}},
            {"ipBlock": {"cidr": "::/0", "except": ["fe80::/10", "fd00:ec2::/32"]}},
        ],
        "ports": _ports(*ports),
    }


def outbound(settings: Settings) -> list[Rule]:
    """What a company's pods need: DNS, HTTPS in the internet, their role, and `network.extraEgress`."""
    extra = sorted(
        settings.network.extra_egress, key=lambda egress: (egress.cidr, egress.port, egress.protocol)
    )
    return [
        to_dns(),
        to_internet(),
        *_to_role(settings),
        *_to_endpoint(settings.replication.endpoint),
        *map(_to_extra, extra),
    ]


def _to_role(settings: Settings) -> Iterator[Rule]:
    """IRSA needs STS, which is HTTPS."""
    if settings.identity is Identity.POD_IDENTITY:
        yield {"to": [{"ipBlock": {"cidr": cidr}} for cidr in POD_IDENTITY_AGENT], "ports": _ports(80)}


def _to_endpoint(url: str | None) -> Iterator[Rule]:
    """The S3 API of the stack `local`. Behind a name is a Service, whose address and port are not known
    here: HTTPS's port, at private addresses."""
    if url is None:
        return
    parts = urlsplit(url)
    networks: Sequence[str] = RFC_1918
    port = HTTPS_PORT
    with suppress(ValueError):
        networks = (str(ip_network(parts.hostname or "")),)
        port = parts.port or (80 if parts.scheme == "http" else HTTPS_PORT)
    yield {"to": [{"ipBlock": {"cidr": cidr}} for cidr in networks], "ports": _ports(port)}


def _to_extra(egress: ExtraEgress) -> Rule:
    block: dict[str, Any] = {"cidr": egress.cidr}
    if excepted := exceptions(egress.cidr):
        block["except"] = list(excepted)
    return {"to": [{"ipBlock": block}], "ports": _ports(egress.port, protocol=egress.protocol.value)}


def to_pods(labels: Mapping[str, str], port: int) -> Rule:
    return {"to": [{"podSelector": {"matchLabels": dict(labels)}}], "ports": _ports(port)}


def from_pods(labels: Mapping[str, str], port: int) -> Rule:
    return {"from": [{"podSelector": {"matchLabels": dict(labels)}}], "ports": _ports(port)}


def from_monitoring(settings: Settings, port: int = GATE_PORT) -> list[Rule]:
    if settings.network.monitoring_namespace is None:
        return []
    namespace = {"matchLabels": {NAMESPACE_LABEL: settings.network.monitoring_namespace}}
    return [{"from": [{"namespaceSelector": namespace}], "ports": _ports(port)}]


def from_controller(settings: Settings, *ports: int) -> list[Rule]:
    if not settings.failover_enabled:
        return []
    controller = {
        "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: SYSTEM_NAMESPACE}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": FAILOVER_CONTROLLER}},
    }
    return [{"from": [controller], "ports": _ports(*ports)}]


def to_tenants(*ports: int) -> Rule:
    """To the workloads of all companies in the cluster."""
    tenants = {
        "namespaceSelector": {"matchExpressions": [{"key": COMPANY_LABEL, "operator": "Exists"}]},
        "podSelector": {"matchLabels": PLATFORM_LABEL},
    }
    return {"to": [tenants], "ports": _ports(*ports)}


def combined(some: Rules, more: Rules) -> Rules:
    """The rules of both lists, each once."""
    if isinstance(some, pulumi.Output) or isinstance(more, pulumi.Output):
        return pulumi.Output.all(some, more).apply(lambda both: _each_once(*both))
    return _each_once(some, more)


def _each_once(some: list[Rule], more: list[Rule]) -> list[Rule]:
    return [*some, *(rule for rule in more if rule not in some)]


def from_load_balancer(settings: Settings, region: Region, cluster: Cluster, port: int) -> Rules:
    """Admits clients' requests: from `ingressFrom`, else from the subnets of the AWS load balancers, else
    from the namespace of the ingress controller in the cluster.

    When a lookup finds no subnets there is no rule: a rule without a sender would admit all senders.
    """
    if region.ingress_from is not None:
        return _from_networks(region.ingress_from, port)
    ingress = settings.ingress_of(region)
    if ingress.makes_load_balancers:
        assert cluster.load_balancer_subnets is not None  # Without a lookup the settings require ingressFrom.
        tag = ingress.scheme.subnet_tag
        return cluster.load_balancer_subnets.apply(
            lambda networks: _from_subnets(networks, region, tag, port)
        )
    namespace = {"matchLabels": {NAMESPACE_LABEL: ingress.namespace}}
    return [{"from": [{"namespaceSelector": namespace}], "ports": _ports(port)}]


def _from_networks(networks: Sequence[str], port: int) -> list[Rule]:
    if not networks:
        return []
    return [{"from": [{"ipBlock": {"cidr": cidr}} for cidr in sorted(networks)], "ports": _ports(port)}]


def _from_subnets(networks: Sequence[str], region: Region, tag: str, port: int) -> list[Rule]:
    if not networks:
        pulumi.log.warn(
            f"{region.name}: no subnet of the cluster's VPC has the tag {tag}, so no load balancer may reach"
            " the region's Agents. Tag the subnets, or set regions[].ingressFrom."
        )
    return _from_networks(networks, port)
