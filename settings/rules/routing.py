"""Rules about how names lead to regions: failover, load balancing, what external-dns can express."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from plan.dns import Policy
from plan.external_dns import problems
from settings.faults import MISSING, Fault
from settings.models import Company, Manager, Region, Settings
from settings.routes import company_route, endpoints_of, region_route
from settings.rules.base import Rule, known_regions

_NAMED = 3
"""So many companies are named in one line."""


def needs_certificate(settings: Settings, region: Region) -> bool:
    """Whether the region's load balancers answer HTTPS with a certificate that only this program can make.

    Without a hosted zone (external-dns manages the names) it can validate none: the AWS Load Balancer
    Controller then takes the certificate of the account that fits the host.
    """
    return (
        settings.ingress.makes_load_balancers
        and region.endpoint is None
        and settings.hosted_zone_id is not None
    )


def _single_region(settings: Settings, _: str) -> Iterator[Fault]:
    enabled, policy = settings.failover.enabled, settings.load_balancing.policy
    if len(settings.regions) > 1:
        return
    if enabled:
        accepted = "false with a single region: there is nowhere to fail over to"
        yield Fault(("failover", "enabled"), True, accepted)
    elif policy is Policy.FAILOVER and enabled is None:
        accepted = "another policy, or failover.enabled: false: a single region has nowhere to fail over to"
        yield Fault(("loadBalancing", "policy"), policy.value, accepted)


def _timeout(settings: Settings, _: str) -> Iterator[Fault]:
    timeout, interval = settings.failover.timeout_seconds, settings.failover.interval_seconds
    if timeout > interval:
        yield Fault(("failover", "timeoutSeconds"), timeout, f"at most failover.intervalSeconds, {interval}")


def _dedicated_checks(settings: Settings, _: str) -> Iterator[Fault]:
    if settings.failover_enabled:
        return
    way_out = "failover.enabled: true" if len(settings.regions) > 1 else "several regions"
    for index, company in enumerate(settings.companies):
        if company.dedicated_health_checks:
            accepted = f"false, or {way_out}: the failover controller is what answers a company's own checks"
            yield Fault(("companies", index, "dedicatedHealthChecks"), True, accepted)


def _global_accelerator(settings: Settings, _: str) -> Iterator[Fault]:
    if settings.load_balancing.global_accelerator:
        accepted = "false: not supported yet; use policy: latency with manager: route53 instead"
        yield Fault(("loadBalancing", "globalAccelerator"), True, accepted)


def _hosted_zone(settings: Settings, _: str) -> Iterator[Fault]:
    if settings.load_balancing.manager is Manager.ROUTE53 and settings.hosted_zone_id is None:
        accepted = "the id of the domain's Route53 zone, unless loadBalancing.manager is external-dns"
        yield Fault(("hostedZoneId",), MISSING, accepted)


def _external_dns(settings: Settings, _: str) -> Iterator[Fault]:
    """One fault: whatever external-dns lacks for whichever company, the key to change is the manager."""
    if settings.load_balancing.manager is not Manager.EXTERNAL_DNS:
        return
    regions = [region_route(region) for region in settings.regions]
    lacking: defaultdict[str, list[str]] = defaultdict(list)
    for company in settings.companies:
        if _is_routable(settings, company):
            route = company_route(settings, company)
            for problem in problems(settings.load_balancing.policy, regions, route, endpoints_of(settings)):
                _, _, what = problem.partition("external-dns cannot express ")
                lacking[what.partition(": use")[0]].append(company.name)
    if lacking:
        accepted = "; ".join(f"{what}, as {_some(names)} would need" for what, names in lacking.items())
        yield Fault(
            ("loadBalancing", "manager"), "external-dns", f"route53; external-dns cannot express {accepted}"
        )


def _is_routable(settings: Settings, company: Company) -> bool:
    """Whether the company's regions are beyond reproach; else its routing is what follows from that."""
    known = known_regions(settings, company)
    return any(region.active for region in known) and len(known) == len(company.regions or settings.regions)


def _some(names: list[str]) -> str:
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
