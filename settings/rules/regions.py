"""Rules about regions, and about the regions of companies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from plan.geo import is_geo_code
from plan.names import REGION_LABEL
from plan.records import RoutingPolicy
from settings.ingress import Scheme
from settings.models import Settings
from settings.problems import NO_VALUE, Problem
from settings.regions import Region
from settings.rules.base import Rule

SYSTEM_LABEL = "kubernetes.io/os"


def _one_active(settings: Settings, _: str) -> Iterator[Problem]:
    if not any(region.active for region in settings.regions):
        names = [region.name for region in settings.regions]
        yield Problem(("regions",), names, "must have a region with active: true")


def _each_once(settings: Settings, _: str) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, region in enumerate(settings.regions):
        first = seen.setdefault(region.name, index)
        if first != index:
            path = ("regions", index, "name")
            yield Problem(path, region.name, f"must be unique; regions[{first}] has the same name")


def _replication_targets(settings: Settings, _: str) -> Iterator[Problem]:
    known = [region.name for region in settings.regions]
    for index, region in enumerate(settings.regions):
        path = ("regions", index, "replicateTo")
        others = ", ".join(name for name in known if name != region.name) or "there are none"
        for target, count in Counter(region.replicate_to or ()).items():
            if target not in known or target == region.name:
                yield Problem(path, target, f"must be other regions of this stack: {others}")
            elif count > 1:
                yield Problem(path, target, "must have each region once")


def _node_selector(settings: Settings, _: str) -> Iterator[Problem]:
    for index, region in enumerate(settings.regions):
        for label, needed, reason in (
            (REGION_LABEL, region.name, "Pods always run in their region"),
            (SYSTEM_LABEL, "linux", "The images are of Linux"),
        ):
            selected = region.node_selector.get(label, needed)
            if selected != needed:
                path = ("regions", index, "nodeSelector", label)
                yield Problem(path, selected, f"must be {needed}", f"{reason}: the key can be removed.")


def _certificates(settings: Settings, _: str) -> Iterator[Problem]:
    for index, region in enumerate(settings.regions):
        if (
            region.certificate_arn
            and region.endpoint is None
            and region.certificate_arn.split(":")[3] != region.name
        ):
            path = ("regions", index, "certificateArn")
            advice = "A load balancer accepts only certificates of its region."
            yield Problem(path, region.certificate_arn, f"must be a certificate of {region.name}", advice)


def _keys(settings: Settings, _: str) -> Iterator[Problem]:
    """S3 copies what one KMS key encrypts only with a key for the copy."""
    for index, region in enumerate(settings.regions):
        path = ("regions", index, "kmsKeyArn")
        if region.kms_key_arn is None:
            if settings.kms_keys:
                advice = "S3 encrypts a copy with the key of the copy's region."
                yield Problem(path, NO_VALUE, "missing (required when another region has it)", advice)
        elif region.kms_key_arn.split(":")[3] != region.name:
            advice = "A bucket accepts only keys of its region."
            yield Problem(path, region.kms_key_arn, f"must be a key of {region.name}", advice)


def _geo(settings: Settings, _: str) -> Iterator[Problem]:
    owners: dict[str, int] = {}
    for index, region in enumerate(settings.regions):
        path = ("regions", index, "geo")
        for code, count in Counter(region.geo).items():
            owner = owners.setdefault(code, index)
            if not is_geo_code(code):
                continents = "a continent (AF AN AS EU NA OC SA)"
                requirement = f"must be default, {continents} or country:<ISO code>, such as country:TR"
                yield Problem(path, code, requirement)
            elif owner != index or count > 1:
                yield Problem(path, code, f"must be unique; regions[{owner}].geo has the same code")


def _geo_default(settings: Settings, _: str) -> Iterator[Problem]:
    if settings.load_balancing.policy is not RoutingPolicy.GEO:
        return
    codes = {region.name: list(region.geo) for region in settings.regions}
    if not any("default" in own for own in codes.values()):
        requirement = "must have exactly one region with geo: [default] for policy geo"
        yield Problem(("regions",), codes, requirement)


def _load_balancers_subnets(settings: Settings, _: str) -> Iterator[Problem]:
    """Network policies admit requests of AWS's load balancers from the subnets of these."""
    for index, region in enumerate(settings.regions):
        if region.ingress_from is None and (condition := _without_lookup(settings, region)):
            advice = "Set the load balancer's subnets, such as [10.0.0.0/24]."
            path = ("regions", index, "ingressFrom")
            yield Problem(path, NO_VALUE, f"missing (required {condition})", advice)


def _without_lookup(settings: Settings, region: Region) -> str:
    """Why the load balancer's subnets cannot be looked up; empty where they can, or are not needed."""
    if settings.ingress.scheme is Scheme.INTERNAL:
        return "when ingress.scheme is internal"
    if not settings.ingress_of(region).makes_load_balancers:
        return ""
    if region.cluster is None or region.cluster.eks is None:
        return f"with className {settings.ingress.class_name}, unless the cluster is {{eks: <name>}}"
    return "with cluster.endpoint, which disables the lookup" if region.cluster.endpoint else ""


def _of_companies(settings: Settings, _: str) -> Iterator[Problem]:
    active = {region.name: region.active for region in settings.regions}
    serving = [name for name in active if active[name]]
    for index, company in enumerate(settings.companies):
        path = ("companies", index, "regions")
        for name, count in Counter(company.regions or ()).items():
            if name not in active:
                yield Problem(path, name, f"must be regions of this stack: {', '.join(active)}")
            elif count > 1:
                yield Problem(path, name, "must have each region once")
        known = [name for name in company.regions or () if name in active]
        if known and serving and not any(active[name] for name in known):
            requirement = f"must have an active region: {', '.join(serving)}"
            yield Problem(path, list(company.regions or ()), requirement)


RULES = (
    Rule(_one_active),
    Rule(_each_once),
    Rule(_replication_targets, ("regions[*].name",)),
    Rule(_node_selector, ("regions[=].name",)),
    Rule(_certificates, ("regions[=].name", "regions[=].endpoint")),
    Rule(_keys, ("regions[*].name", "regions[*].kmsKeyArn")),
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
