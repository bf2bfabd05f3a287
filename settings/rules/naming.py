"""Rules about names: of companies, and of resources with domain, stack or region in their names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from plan import names
from plan.dns import LongName
from settings.models import Identity, Settings
from settings.problems import STACK, Problem
from settings.routes import record_plan
from settings.rules.base import Rule, known_regions
from settings.rules.routing import is_routable
from settings.values import aws_regions

_CERTIFICATE_LIMIT = 64
"""Characters of a certificate's first name (source: ACM user guide, "Certificate characteristics")."""
_RESERVED_BUCKETS = ("xn--", "sthree-", "amzn-s3-demo-")
"""Prefixes that S3 reserves (source: S3 user guide, "General purpose bucket naming rules")."""


def _reserved(settings: Settings) -> dict[str, str]:
    """Namespaces that no company may have, and their owners."""
    monitoring = settings.network.monitoring_namespace
    return {
        settings.ingress.namespace: "the ingress controller",
        **({monitoring: "monitoring"} if monitoring else {}),
        "default": "Kubernetes",
        names.SYSTEM_NAMESPACE: "this program",
        names.DIVERGED: "diverged files",
    }


def _namespaces(settings: Settings, _: str) -> Iterator[Problem]:
    reserved = _reserved(settings)
    owners: dict[str, str] = {}
    for index, company in enumerate(settings.companies):
        path, namespace = ("companies", index, "name"), company.namespace
        owner = "Kubernetes" if namespace.startswith("kube-") else reserved.get(namespace)
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", namespace):
            yield Problem(path, company.name, "must begin and end with a letter or a digit")
        elif owner:
            advice = f"The namespace {namespace} belongs to {owner}."
            yield Problem(path, company.name, "must have a free namespace", advice)
        elif re.sub(r"-\d+$", "", namespace) in aws_regions() or namespace in aws_regions():
            advice = f"{namespace} is the host of an edge."
            yield Problem(path, company.name, "must not be the name of a region or an edge", advice)
        elif namespace in owners:
            advice = f"The namespace {namespace} belongs to {owners[namespace]}."
            yield Problem(path, company.name, "must have a namespace of its own", advice)
        owners.setdefault(namespace, company.name)


def _stack(_: Settings, stack: str) -> Iterator[Problem]:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", stack):
        requirement = "must consist of a-z, 0-9 and -, and begin and end with no -"
        yield Problem(STACK, stack, requirement, "It is part of the buckets' names.")


def _domain(settings: Settings, stack: str) -> Iterator[Problem]:
    """Names that begin with the domain or `namePrefix`. Replication may be off: it can be enabled later, and
    the domain stays.
    """
    of_regions = (
        names.bucket_name(settings.resource_prefix, stack, region.name) for region in settings.regions
    )
    bucket = max(of_regions, key=len)
    role = names.replication_role_name(settings.resource_prefix, stack)
    if len(bucket) > names.BUCKET_NAME_LIMIT:
        limit = f"a bucket name of at most {names.BUCKET_NAME_LIMIT} characters"
        advice = f"{bucket} has {len(bucket)}."
    elif len(role) > names.ROLE_NAME_LIMIT:
        limit = f"a role name of at most {names.ROLE_NAME_LIMIT} characters"
        advice = f"{role} has {len(role)}."
    elif bucket.startswith(_RESERVED_BUCKETS):
        limit, advice = "a bucket name that S3 accepts", f"{bucket} begins with a reserved prefix."
    else:
        return
    if settings.name_prefix:
        yield Problem(("namePrefix",), settings.name_prefix, f"must lead to {limit}", advice)
    else:
        yield Problem(("domain",), settings.domain, f"must lead to {limit}", f"{advice} Or set namePrefix.")


def _hosts(settings: Settings, _: str) -> Iterator[Problem]:
    """What is published below the domain: hosts of companies and load balancers, and records of routing."""
    if not all(is_routable(settings, company) for company in settings.companies):
        return
    try:
        record_plan(settings)
    except LongName as error:
        yield Problem(
            ("domain",), settings.domain, "must lead to DNS names that Route53 accepts", f"{error}."
        )
    except ValueError:
        return  # Of companies and regions, which have rules of their own.


def _certificates(settings: Settings, _: str) -> Iterator[Problem]:
    name = f"*.{settings.domain}"
    if len(name) > _CERTIFICATE_LIMIT and any(map(settings.needs_certificate, settings.regions)):
        requirement = f"must have at most {_CERTIFICATE_LIMIT - 2} characters"
        advice = (
            f"ACM makes no certificate for {name}. Or create one whose first name is shorter, and set"
            " regions[].certificateArn in each region."
        )
        yield Problem(("domain",), settings.domain, requirement, advice)


def _endpoints(settings: Settings, _: str) -> Iterator[Problem]:
    """A name that leads to itself."""
    made = {names.host_of(company.namespace, settings.domain) for company in settings.companies}
    made |= {
        names.host_of(region.name, settings.domain) for region in settings.regions if not region.endpoint
    }
    for index, region in enumerate(settings.regions):
        if region.endpoint in made:
            advice = "This program makes that name, and it would lead to the region."
            path = ("regions", index, "endpoint")
            yield Problem(path, region.endpoint, "must be the name of an existing load balancer", advice)


def _roles(settings: Settings, stack: str) -> Iterator[Problem]:
    """With IRSA a company has its own roles in each region, with the company's name in the role's."""
    if settings.identity is not Identity.IRSA or not settings.replication.enabled:
        return
    for index, company in enumerate(settings.companies):
        roles = [
            settings.role_names(stack).company_gate(region.name, "agent", company.namespace)
            for region in known_regions(settings, company)
        ]
        longest = max(roles, key=len, default="")
        if len(longest) > names.ROLE_NAME_LIMIT:
            limit = f"a role name of at most {names.ROLE_NAME_LIMIT} characters"
            requirement = f"must lead to {limit} with identity irsa"
            advice = f"{longest} has {len(longest)}."
            yield Problem(("companies", index, "name"), company.name, requirement, advice)


RULES = (
    Rule(_namespaces, ("companies[=].name", "ingress.namespace", "network.monitoringNamespace")),
    Rule(_stack),
    Rule(_domain, ("domain", "namePrefix", "regions[*].name")),
    Rule(_hosts, ("domain", "companies[*].name", "companies[*].regions", "regions")),
    Rule(
        _certificates,
        ("domain", "hostedZoneId", "ingress", "regions[*].certificateArn", "regions[*].endpoint"),
    ),
    Rule(_endpoints, ("domain", "companies[*].name", "regions[*].name", "regions[*].endpoint")),
    Rule(
        _roles,
        (
            "identity",
            "namePrefix",
            "companies[=].name",
            "companies[=].regions",
            "regions[*].name",
            "replication.enabled",
        ),
    ),
)
