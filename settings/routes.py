"""The settings as values of `plan`."""

from __future__ import annotations

from dataclasses import replace

from plan.accelerators import Accelerator, company_names, plan_accelerators
from plan.dns import plan_records
from plan.edges import health_check
from plan.records import CompanyRoute, HealthCheck, RecordPlan, RegionRoute
from settings.companies import Company
from settings.models import Manager, Settings
from settings.regions import Region


def region_route(region: Region) -> RegionRoute:
    return RegionRoute(name=region.name, active=region.active, weight=region.weight, geo=region.geo)


def region_routes(settings: Settings) -> dict[str, RegionRoute]:
    return {region.name: region_route(region) for region in settings.regions}


def company_route(settings: Settings, company: Company) -> CompanyRoute:
    return CompanyRoute(
        namespace=company.namespace,
        regions=tuple(region.name for region in settings.regions_of(company)),
        edge=company.edge,
        dedicated=company.dedicated_health_checks,
    )


def accelerators_of(settings: Settings) -> tuple[Accelerator, ...]:
    """The stack's accelerators; none unless Global Accelerator sends clients to regions."""
    if settings.load_balancing.manager is not Manager.GLOBAL_ACCELERATOR:
        return ()
    return plan_accelerators(
        domain=settings.domain,
        regions=[region_route(region) for region in settings.regions],
        companies=[_accelerated(settings, company) for company in settings.companies],
    )


def edge_of(plan: Accelerator, region: Region) -> int:
    """The edge of the region to which an accelerator leads: an `endpoint` is one load balancer for all."""
    return 1 if region.endpoint else plan.edge


def _accelerated(settings: Settings, company: Company) -> CompanyRoute:
    """Where each of its regions has an `endpoint`, which serves all edges, its edge does not count."""
    route = company_route(settings, company)
    own_edge = any(region.endpoint is None for region in settings.regions_of(company))
    return route if own_edge else replace(route, edge=1)


def record_plan(settings: Settings) -> RecordPlan:
    if settings.load_balancing.manager is Manager.GLOBAL_ACCELERATOR:
        names = company_names(accelerators_of(settings), settings.domain)
        return RecordPlan(checks=(), trees=(), companies=names)
    return plan_records(
        domain=settings.domain,
        policy=settings.load_balancing.policy,
        regions=[region_route(region) for region in settings.regions],
        companies=[company_route(settings, company) for company in settings.companies],
        endpoints=endpoints_of(settings),
    )


def check_of(settings: Settings, company: Company, region: str) -> HealthCheck:
    """The health check that decides whether a region serves a company."""
    return health_check(
        domain=settings.domain,
        company=company_route(settings, company),
        region=region,
        endpoints=endpoints_of(settings),
    )


def endpoints_of(settings: Settings) -> dict[str, str]:
    """The endpoints of regions with an endpoint."""
    return {region.name: region.endpoint for region in settings.regions if region.endpoint}
