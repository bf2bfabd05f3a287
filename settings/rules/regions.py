"""Rules about regions, and about the regions of companies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from plan.dns import Policy, is_geo_code
from plan.names import REGION_LABEL
from settings.faults import MISSING, Fault
from settings.models import Region, Scheme, Settings
from settings.rules.base import Rule


def _one_active(settings: Settings, _: str) -> Iterator[Fault]:
    if not any(region.active for region in settings.regions):
        names = [region.name for region in settings.regions]
        yield Fault(("regions",), names, "at least one region with active: true")


def _each_once(settings: Settings, _: str) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index, region in enumerate(settings.regions):
        first = seen.setdefault(region.name, index)
        if first != index:
            yield Fault(
                ("regions", index, "name"), region.name, f"each region once; regions[{first}] is it already"
            )


def _replication_targets(settings: Settings, _: str) -> Iterator[Fault]:
    known = [region.name for region in settings.regions]
    for index, region in enumerate(settings.regions):
        path = ("regions", index, "replicateTo")
        others = (
            ", ".join(name for name in known if name != region.name) or "none, for there is no other region"
        )
        for target, count in Counter(region.replicate_to or ()).items():
            if target not in known or target == region.name:
                yield Fault(path, target, f"other regions of this stack: {others}")
            elif count > 1:
                yield Fault(path, target, "each region once")


def _node_selector(settings: Settings, _: str) -> Iterator[Fault]:
    for index, region in enumerate(settings.regions):
        given = region.node_selector.get(REGION_LABEL, region.name)
        if given != region.name:
            path = ("regions", index, "nodeSelector", REGION_LABEL)
            yield Fault(path, given, f"{region.name}, or no such key: pods are bound to their region anyway")


def _certificates(settings: Settings, _: str) -> Iterator[Fault]:
    for index, region in enumerate(settings.regions):
        if (
            region.certificate_arn
            and region.endpoint is None
            and region.certificate_arn.split(":")[3] != region.name
        ):
            path = ("regions", index, "certificateArn")
            yield Fault(
                path, region.certificate_arn, f"a certificate of {region.name}: load balancers take no other"
            )


def _geo(settings: Settings, _: str) -> Iterator[Fault]:
    owners: dict[str, int] = {}
    for index, region in enumerate(settings.regions):
        path = ("regions", index, "geo")
        for code, count in Counter(region.geo).items():
            owner = owners.setdefault(code, index)
            if not is_geo_code(code):
                yield Fault(
                    path,
                    code,
                    'default, a continent (AF AN AS EU NA OC SA) or "country:<ISO code>" such as country:TR',
                )
            elif owner != index or count > 1:
                yield Fault(path, code, f"each code once; regions[{owner}].geo has it already")


def _geo_default(settings: Settings, _: str) -> Iterator[Fault]:
    if settings.load_balancing.policy is not Policy.GEO:
        return
    codes = {region.name: list(region.geo) for region in settings.regions}
    if not any("default" in of for of in codes.values()):
        yield Fault(("regions",), codes, "exactly one region with geo: [default], for policy geo")


def _load_balancers_subnets(settings: Settings, _: str) -> Iterator[Fault]:
    """Requests of a load balancer that AWS makes come from its subnets, so policies must know these."""
    for index, region in enumerate(settings.regions):
        if region.ingress_from is None and (where := _why_not_looked_up(settings, region)):
            accepted = f"the load balancer's subnets, such as [10.0.0.0/24], required {where}"
            yield Fault(("regions", index, "ingressFrom"), MISSING, accepted)


def _why_not_looked_up(settings: Settings, region: Region) -> str:
    """Where the load balancer's subnets cannot be looked up; empty where they can, or are not needed."""
    if settings.ingress.scheme is Scheme.INTERNAL:
        return "where ingress.scheme is internal"
    if not settings.ingress_of(region).makes_load_balancers:
        return ""
    if region.cluster is None or region.cluster.eks is None:
        return f"with className {settings.ingress.class_name} unless the cluster is {{eks: <name>}}"
    return "with cluster.endpoint, which turns lookups off" if region.cluster.endpoint else ""


def _of_companies(settings: Settings, _: str) -> Iterator[Fault]:
    active = {region.name: region.active for region in settings.regions}
    serving = [name for name in active if active[name]]
    for index, company in enumerate(settings.companies):
        path = ("companies", index, "regions")
        for name, count in Counter(company.regions or ()).items():
            if name not in active:
                yield Fault(path, name, f"regions of this stack: {', '.join(active)}")
            elif count > 1:
                yield Fault(path, name, "each region once")
        known = [name for name in company.regions or () if name in active]
        if known and serving and not any(active[name] for name in known):
            yield Fault(
                path, list(company.regions or ()), f"at least one active region: {', '.join(serving)}"
            )


RULES = (
    Rule(_one_active),
    Rule(_each_once),
    Rule(_replication_targets, ("regions[*].name",)),
    Rule(_node_selector, ("regions[=].name",)),
    Rule(_certificates, ("regions[=].name", "regions[=].endpoint")),
    Rule(_geo),
    Rule(_geo_default, ("regions[*].geo", "loadBalancing.policy")),
    Rule(
        _load_balancers_subnets,
        (
            "ingress",
            "regions[=].ingressFrom",
            "regions[=].cluster",
            "regions[=].endpoint",
            "regions[=].ingressClass",
        ),
    ),
    Rule(_of_companies, ("regions[*].name", "regions[*].active", "companies[=].regions")),
)
