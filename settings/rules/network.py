"""Rules about what tenants' pods may reach."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from plan.networks import LINK_LOCAL, block, exceptions, is_wide, link_local_in, private_parts
from settings.models import Settings
from settings.network import Protocol
from settings.problems import Problem
from settings.rules.base import Rule

_HTTPS = 443
ADVICE = "Name the networks that the pods need."


def _openings(settings: Settings, _: str) -> Iterator[Problem]:
    too_wide = dict(_too_wide(settings))
    for (port, _protocol), cidrs in sorted(too_wide.items()):
        allowed = f"must be at most 1/256 of all public addresses on a port; these are for port {port}"
        yield Problem(("network", "extraEgress"), cidrs, allowed, ADVICE)
    for index, egress in enumerate(settings.network.extra_egress):
        reported = (egress.port, egress.protocol) in too_wide
        if not reported and link_local_in(block(egress.cidr, exceptions(egress.cidr))):
            allowed = f"must have no link-local address ({', '.join(map(str, LINK_LOCAL))})"
            yield Problem(("network", "extraEgress", index, "cidr"), egress.cidr, allowed, ADVICE)


def _senders(settings: Settings, _: str) -> Iterator[Problem]:
    """The networks of load balancers, from which Agents take requests without asking who sends them."""
    for index, region in enumerate(settings.regions):
        if is_wide(map(ip_network, region.ingress_from or ())):
            path, cidrs = ("regions", index, "ingressFrom"), list(region.ingress_from or ())
            requirement = "must be the subnets of the load balancer, not the internet"
            advice = "Clients' networks: ingress.loadBalancer.inboundCidrs."
            yield Problem(path, cidrs, requirement, advice)


def _too_wide(settings: Settings) -> Iterator[tuple[tuple[int, Protocol], list[str]]]:
    """By what the networks of a port cover together. On HTTPS's port public addresses are open already."""
    by_port: dict[tuple[int, Protocol], list[str]] = {}
    for egress in settings.network.extra_egress:
        by_port.setdefault((egress.port, egress.protocol), []).append(egress.cidr)
    for key, cidrs in by_port.items():
        judge = private_parts if key == (_HTTPS, Protocol.TCP) else is_wide
        if judge(map(ip_network, cidrs)):
            yield key, cidrs


RULES = (Rule(_openings), Rule(_senders))
