"""Rules about failover and load balancing, and about what external-dns can express."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from plan.external_dns import unsupported
from plan.records import RoutingPolicy
from settings.companies import Company
from settings.models import Manager, Settings
from settings.problems import NO_VALUE, Problem
from settings.routes import company_route, endpoints_of, region_route
from settings.rules.base import Rule, known_regions

_NAMED = 3
"""The number of companies that one line names."""


def _single_region(settings: Settings, _: str) -> Iterator[Problem]:
    enabled, policy = settings.failover.enabled, settings.load_balancing.policy
    if len(settings.regions) > 1:
        return
    if enabled:
        advice = "There is no region to fail over to."
        yield Problem(("failover", "enabled"), True, "must be false with a single region", advice)
    elif policy is RoutingPolicy.FAILOVER and enabled is None:
        requirement = "must be another policy with a single region"
        advice = "Or set failover.enabled: false. There is no region to fail over to."
        yield Problem(("loadBalancing", "policy"), policy.value, requirement, advice)


def _timeout(settings: Settings, _: str) -> Iterator[Problem]:
    timeout, interval = settings.failover.timeout_seconds, settings.failover.interval_seconds
    if timeout > interval:
        requirement = f"must be at most failover.intervalSeconds ({interval})"
        yield Problem(("failover", "timeoutSeconds"), timeout, requirement)


def _dedicated_checks(settings: Settings, _: str) -> Iterator[Problem]:
    if settings.failover_enabled:
        return
    remedy = "set failover.enabled: true" if len(settings.regions) > 1 else "add regions"
    for index, company in enumerate(settings.companies):
        if company.dedicated_health_checks:
            path = ("companies", index, "dedicatedHealthChecks")
            advice = f"Or {remedy}: the failover controller answers a company's own health checks."
            yield Problem(path, True, "must be false without failover", advice)


def _global_accelerator(settings: Settings, _: str) -> Iterator[Problem]:
    if settings.load_balancing.global_accelerator:
        advice = "Set loadBalancing.manager: global-accelerator instead."
        yield Problem(("loadBalancing", "globalAccelerator"), True, "must be false", advice)


def _hosted_zone(settings: Settings, _: str) -> Iterator[Problem]:
    if settings.load_balancing.manager is not Manager.EXTERNAL_DNS and settings.hosted_zone_id is None:
        requirement = "missing (required unless loadBalancing.manager is external-dns)"
        yield Problem(("hostedZoneId",), NO_VALUE, requirement, "Set the id of the domain's Route53 zone.")


def _external_dns(settings: Settings, _: str) -> Iterator[Problem]:
    """One problem for all companies and features: the key to change is the manager."""
    if settings.load_balancing.manager is not Manager.EXTERNAL_DNS:
        return
    regions = [region_route(region) for region in settings.regions]
    policy, endpoints = settings.load_balancing.policy, endpoints_of(settings)
    companies: defaultdict[str, list[str]] = defaultdict(list)
    for company in settings.companies:
        if is_routable(settings, company):
            for feature in unsupported(policy, regions, company_route(settings, company), endpoints):
                companies[feature].append(company.name)
    if companies:
        features = "; ".join(f"{feature}, for {some(names)}" for feature, names in companies.items())
        advice = f"external-dns cannot express {features}."
        yield Problem(("loadBalancing", "manager"), "external-dns", "must be route53", advice)


def is_routable(settings: Settings, company: Company) -> bool:
    """Whether the company's regions are valid; otherwise problems of its routing are consequences."""
    known = known_regions(settings, company)
    return any(region.active for region in known) and len(known) == len(company.regions or settings.regions)


def some(names: list[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


_ROUTING = ("loadBalancing.manager", "loadBalancing.policy")
_SHAPE = (
    "regions[*].name",
    "regions[*].active",
    "regions[*].weight",
    "regions[*].geo",
    "regions[*].endpoint",
    "companies[*].regions",
)

RULES = (
    Rule(_single_region, ("regions[]", "failover.enabled", "loadBalancing.policy")),
    Rule(_timeout, ("failover.timeoutSeconds", "failover.intervalSeconds")),
    Rule(_dedicated_checks, ("regions[]", "failover.enabled")),
    Rule(_global_accelerator),
    Rule(_hosted_zone, ("loadBalancing.manager", "hostedZoneId")),
    Rule(_external_dns, (*_ROUTING, *_SHAPE)),
)
