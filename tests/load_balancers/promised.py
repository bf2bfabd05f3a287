"""The load balancers that settings promise, and the form in which they are compared with those made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.policies import CONTROLLER
from plan.edges import edge_label
from plan.names import SYSTEM_NAMESPACE, host_of
from settings import Settings
from tests.recording import INGRESS, Recording

PREFIX = "alb.ingress.kubernetes.io/"
REDIRECT = "redirect to HTTPS 443 with HTTP_301"
NOTHING = "answer 404"
OK = "answer 200"
CHECK = {
    "healthcheck-path": "/",
    "healthcheck-interval-seconds": "15",
    "healthcheck-timeout-seconds": "5",
    "healthy-threshold-count": "2",
    "unhealthy-threshold-count": "2",
    "success-codes": "200",
}
"""Annotations of a target group's health check, with the controller's defaults."""
DELAY = "deregistration_delay.timeout_seconds"

Rule = tuple[tuple[str, ...], tuple[str, ...], str]
"""Hosts, paths, and what the load balancer does."""


@dataclass(frozen=True, kw_only=True)
class Balancer:
    """One load balancer. `rules` are those of port 443, in their order; `groups` has the health check and the
    attributes of each Service's target group.
    """

    scheme: str
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
    found = {}
    for region in settings.regions:
        if not settings.ingress_of(region).makes_load_balancers:
            continue
        own = [one for one in settings.companies if region in settings.regions_of(one)]
        for number in {one.edge for one in own}:
            label = edge_label(region.name, number)
            companies = sorted(one.namespace for one in own if one.edge == number)
            found[f"edge-{label}"] = Balancer(
                scheme=settings.ingress.scheme.value,
                zones=3,
                plain=REDIRECT,
                certificate=certificates[region.name],
                policy="ELBSecurityPolicy-TLS13-1-2-2021-06",
                rules=(
                    *(_company(settings, name, region.name) for name in companies),
                    *_answers(settings, region.name),
                ),
                otherwise=NOTHING,
                groups=_groups(recording, companies, region.name, label),
            )
    return found


def _company(settings: Settings, namespace: str, region: str) -> Rule:
    host = host_of(namespace, settings.domain)
    return (host,), ("/*",), f"forward to {namespace}/agent-{region}"


def _answers(settings: Settings, region: str) -> list[Rule]:
    """What an edge answers without a host."""
    does = f"forward to {SYSTEM_NAMESPACE}/{CONTROLLER}" if settings.failover_enabled else OK
    paths = [f"/healthz/{region}", *([f"/peer/{region}"] if settings.failover_enabled else [])]
    return [((), (path, f"{path}/*"), does) for path in paths]


def _groups(recording: Recording, companies: list[str], region: str, label: str) -> dict[str, dict[str, str]]:
    wanted = {f"{name}/agent-{region}": (name, f"agent-{region}") for name in companies}
    if recording.settings.failover_enabled:
        wanted[f"{SYSTEM_NAMESPACE}/{CONTROLLER}"] = SYSTEM_NAMESPACE, f"edge-{label}"
    found = {}
    for service, (namespace, name) in wanted.items():
        manifest = recording.manifest(INGRESS, name, namespace=namespace)
        found[service] = _check(manifest["metadata"]["annotations"])
    return found


def _check(annotations: Mapping[str, Any]) -> dict[str, str]:
    check = {key: str(annotations.get(PREFIX + key, default)) for key, default in CHECK.items()}
    given = str(annotations.get(f"{PREFIX}target-group-attributes", ""))
    attributes = dict(one.split("=") for one in given.split(",") if one)
    return {**check, DELAY: attributes.get(DELAY, "300")}
