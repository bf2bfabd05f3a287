"""Rules about what AWS Global Accelerator can keep, and about its endpoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from plan.accelerators import unsupported
from plan.names import LOCAL
from settings.clusters import clusters_of
from settings.companies import Company
from settings.load_balancer import IpAddressType
from settings.models import Manager, Settings
from settings.problems import NO_VALUE, Problem
from settings.regions import Region
from settings.routes import company_route, region_routes
from settings.rules.base import Rule, known_regions
from settings.rules.routing import is_routable, some


def _manager(settings: Settings, _: str) -> Iterator[Problem]:
    """One problem for all companies and features: the key to change is the manager."""
    if not _accelerated(settings):
        return
    companies: defaultdict[str, list[str]] = defaultdict(list)
    for company in settings.companies:
        if is_routable(settings, company):
            for feature in _unsupported(settings, company):
                companies[feature].append(company.name)
    if companies:
        features = "; ".join(f"{feature}, for {some(names)}" for feature, names in companies.items())
        advice = f"Global Accelerator cannot keep the routing promises with {features}."
        requirement = (
            "must be route53, or policy must be latency, and each company must have at most three regions,"
            " all active and all or none of them dualstack, and no dedicatedHealthChecks"
        )
        value = settings.load_balancing.manager.value
        yield Problem(("loadBalancing", "manager"), value, requirement, advice)


def _unsupported(settings: Settings, company: Company) -> Iterator[str]:
    routes = region_routes(settings)
    yield from unsupported(settings.load_balancing.policy, routes, company_route(settings, company))
    kinds = {region.name: settings.load_balancer_of(region).ip_address_type for region in settings.regions}
    own = [region.name for region in settings.regions_of(company)]
    dual = [name for name in own if kinds[name] is IpAddressType.DUALSTACK]
    if dual and dual != own:
        yield (
            f"ipAddressType dualstack in {', '.join(dual)} alone of its regions: set it for all, in"
            " ingress.loadBalancer, or for none"
        )


def _endpoints(settings: Settings, stack: str) -> Iterator[Problem]:
    if not _accelerated(settings):
        return
    shared = {
        region.name for plan in clusters_of(settings) if len(plan.regions) > 1 for region in plan.regions
    }
    for index, region in enumerate(settings.regions):
        path, arn = ("regions", index, "endpointArn"), region.endpoint_arn
        if arn and arn.split(":")[3] != region.name:
            yield Problem(path, arn, f"must be a Network Load Balancer of {region.name}")
        elif arn is None and (condition := _without_balancer(settings, region, shared, stack)):
            advice = (
                "Set the ARN of a Network Load Balancer in front of the region's load balancer, checked at"
                f" /healthz/{region.name}."
            )
            yield Problem(path, NO_VALUE, f"missing (required {condition})", advice)


def _without_balancer(settings: Settings, region: Region, shared: set[str], stack: str) -> str:
    """Why the AWS Load Balancer Controller makes no endpoint in the region; empty where it makes one."""
    if region.endpoint:
        return "with endpoint"
    if not settings.ingress_of(region).makes_load_balancers:
        return f"with className {settings.ingress.class_name}"
    if region.name in shared and stack != LOCAL:
        return "where regions share a cluster: its load balancers are all in one AWS region"
    return ""


def _edges(settings: Settings, _: str) -> Iterator[Problem]:
    """One ARN stands for one load balancer, unless the region's endpoint serves all edges."""
    if not _accelerated(settings):
        return
    first: dict[str, int] = {}
    for index, company in enumerate(settings.companies):
        for region in known_regions(settings, company):
            if region.endpoint_arn is None or region.endpoint is not None:
                continue
            edge = first.setdefault(region.name, company.edge)
            if company.edge != edge:
                advice = f"endpointArn of {region.name} is one load balancer, that of edge {edge}."
                yield Problem(("companies", index, "edge"), company.edge, f"must be {edge}", advice)
                break


def _accelerated(settings: Settings) -> bool:
    return settings.load_balancing.manager is Manager.GLOBAL_ACCELERATOR


_MANAGER = "loadBalancing.manager"
_FAMILY = ("ingress.loadBalancer.ipAddressType", "regions[*].loadBalancer.ipAddressType")
_CLASS = ("ingress.className", "ingress.controller")
_SHAPE = ("regions[*].name", "regions[*].active", "companies[*].regions")
_OWN = ("companies[*].dedicatedHealthChecks",)

RULES = (
    Rule(_manager, (_MANAGER, "loadBalancing.policy", *_FAMILY, *_SHAPE, *_OWN)),
    Rule(
        _endpoints,
        (
            *_CLASS,
            _MANAGER,
            "regions[=].name",
            "regions[=].endpoint",
            "regions[=].ingressClass",
            "regions[*].cluster",
        ),
    ),
    Rule(
        _edges,
        (_MANAGER, "regions[*].name", "regions[*].endpoint", "regions[*].endpointArn", "companies[*].edge"),
    ),
)
