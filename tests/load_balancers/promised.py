"""The load balancers that settings promise, in the form in which they are compared with the created ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from plan import edges
from plan.names import FAILOVER_CONTROLLER, SYSTEM_NAMESPACE, host_of
from settings import Settings
from settings.ingress import Scheme
from tests.recording import Recording

PREFIX = "alb.ingress.kubernetes.io/"
REDIRECT = "redirect to HTTPS 443 with HTTP_301"
NOTHING = "answer 404"
OK = "answer 200"
CHECK = {
    "HealthCheckIntervalSeconds": str(edges.TARGET_CHECK_SECONDS),
    "HealthCheckTimeoutSeconds": str(edges.TARGET_TIMEOUT_SECONDS),
    "HealthyThresholdCount": str(edges.TARGET_CHECKS),
    "UnhealthyThresholdCount": str(edges.TARGET_CHECKS),
}
PATH = "HealthCheckPath"
DELAY = "deregistration_delay.timeout_seconds"

Rule = tuple[tuple[str, ...], tuple[str, ...], str]
"""Hosts, paths, and what the load balancer does."""


@dataclass(frozen=True, kw_only=True)
class Balancer:
    """One load balancer. `rules` are those of port 443, in their order; `groups` has the health check and the
    attributes of each Service's target group.
    """

    scheme: str
    keep_alive: str
    zones: int
    plain: str
    certificate: str
    policy: str
    rules: tuple[Rule, ...]
    otherwise: str
    groups: Mapping[str, Mapping[str, str]] = field(hash=False)


def promised(recording: Recording, certificates: Mapping[str, str]) -> dict[str, Balancer]:
    """Each edge's load balancer, by the name of its Ingress. `certificates`: of each region."""
    settings = recording.settings
    balancers = {}
    for region in settings.regions:
        if not settings.ingress_of(region).makes_load_balancers:
            continue
        own = [each for each in settings.companies if region in settings.regions_of(each)]
        for number in {each.edge for each in own}:
            internal = "-internal" if settings.ingress.scheme is Scheme.INTERNAL else ""
            label = f"{edges.edge_label(region.name, number)}{internal}"
            companies = sorted(each.namespace for each in own if each.edge == number)
            balancers[f"edge-{label}"] = Balancer(
                scheme=settings.ingress.scheme.value,
                keep_alive=str(edges.CLIENT_KEEP_ALIVE_SECONDS),
                zones=3,
                plain=REDIRECT,
                certificate=certificates[region.name],
                policy="ELBSecurityPolicy-TLS13-1-2-2021-06",
                rules=(
                    *(_company(settings, name, region.name) for name in companies),
                    *_answers(settings, region.name),
                ),
                otherwise=NOTHING,
                groups=_groups(settings, companies, region.name),
            )
    return balancers


def _company(settings: Settings, namespace: str, region: str) -> Rule:
    host = host_of(namespace, settings.domain)
    return (host,), ("/*",), f"forward to {namespace}/agent-{region}"


def _answers(settings: Settings, region: str) -> list[Rule]:
    """What an edge answers without a host."""
    does = f"forward to {SYSTEM_NAMESPACE}/{FAILOVER_CONTROLLER}" if settings.failover_enabled else OK
    paths = [f"/healthz/{region}", *([f"/peer/{region}"] if settings.failover_enabled else [])]
    return [((), (path, f"{path}/*"), does) for path in paths]


def _groups(settings: Settings, companies: list[str], region: str) -> dict[str, dict[str, str]]:
    """The health check of each Service's target group, and how long its targets drain."""
    paths = {f"{name}/agent-{region}": "/health" for name in companies}
    if settings.failover_enabled:
        # It is there also while the region is flagged.
        paths[f"{SYSTEM_NAMESPACE}/{FAILOVER_CONTROLLER}"] = f"/peer/{region}"
    delay = {DELAY: str(edges.DEREGISTRATION_SECONDS)}
    return {service: {**CHECK, **delay, PATH: path} for service, path in paths.items()}
