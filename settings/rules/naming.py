"""Rules about names: those that companies bring, and those that are made of domain, stack and region."""

from __future__ import annotations

import re
from collections.abc import Iterator

from plan import names
from settings.faults import STACK, Fault
from settings.models import Identity, Settings
from settings.rules.base import Rule, known_regions
from settings.values import aws_regions

_RESERVED_BUCKETS = ("xn--", "sthree-", "amzn-s3-demo-")
"""Beginnings that S3 keeps to itself (source: S3 user guide, "General purpose bucket naming rules")."""


def _reserved(settings: Settings) -> dict[str, str]:
    """Namespaces that no company may have, with whose they are."""
    monitoring = settings.network.monitoring_namespace
    return {
        settings.ingress.namespace: "the ingress controller",
        **({monitoring: "monitoring"} if monitoring else {}),
        "default": "Kubernetes",
        names.SYSTEM_NAMESPACE: "this program",
        names.DIVERGED: "the memories that a swap sets aside",
    }


def _namespaces(settings: Settings, _: str) -> Iterator[Fault]:
    reserved = _reserved(settings)
    owners: dict[str, str] = {}
    for index, company in enumerate(settings.companies):
        path, namespace = ("companies", index, "name"), company.namespace
        owner = "Kubernetes" if namespace.startswith("kube-") else reserved.get(namespace)
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", namespace):
            yield Fault(path, company.name, "a name that begins and ends with a letter or a digit")
        elif owner:
            yield Fault(path, company.name, f"a name whose namespace is free; {namespace} belongs to {owner}")
        elif re.sub(r"-\d+$", "", namespace) in aws_regions() or namespace in aws_regions():
            yield Fault(
                path, company.name, f"a name that is no region's or edge's; {namespace} is a host of an edge"
            )
        elif namespace in owners:
            accepted = f"a namespace of its own; {namespace} is that of {owners[namespace]} already"
            yield Fault(path, company.name, accepted)
        owners.setdefault(namespace, company.name)


def _stack(_: Settings, stack: str) -> Iterator[Fault]:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", stack):
        yield Fault(STACK, stack, "a name of a-z, 0-9 and -, for it is part of the buckets' names")


def _domain(settings: Settings, stack: str) -> Iterator[Fault]:
    """The names that the domain is part of. With replication off too: it may come, the domain stays."""
    of_regions = (names.bucket_name(settings.domain, stack, region.name) for region in settings.regions)
    bucket = max(of_regions, key=len)
    role = names.replication_role_name(settings.domain, stack)
    if len(bucket) > names.BUCKET_NAME_LIMIT:
        limited = (
            f"a bucket's name of at most {names.BUCKET_NAME_LIMIT} characters; {bucket} has {len(bucket)}"
        )
    elif len(role) > names.ROLE_NAME_LIMIT:
        limited = f"a role's name of at most {names.ROLE_NAME_LIMIT} characters; {role} has {len(role)}"
    elif bucket.startswith(_RESERVED_BUCKETS):
        limited = f"a bucket's name that S3 accepts; {bucket} begins like its own"
    else:
        return
    yield Fault(("domain",), settings.domain, f"a domain that makes {limited}")


def _roles(settings: Settings, stack: str) -> Iterator[Fault]:
    """With IRSA a company has a role of its own in each region, named after it."""
    if settings.identity is not Identity.IRSA or not settings.replication.enabled:
        return
    for index, company in enumerate(settings.companies):
        roles = [
            names.company_role_name(settings.domain, stack, region.name, company.namespace)
            for region in known_regions(settings, company)
        ]
        longest = max(roles, key=len, default="")
        if len(longest) > names.ROLE_NAME_LIMIT:
            accepted = (
                f"with identity irsa a name that makes a role's name of at most {names.ROLE_NAME_LIMIT}"
                f" characters; {longest} has {len(longest)}"
            )
            yield Fault(("companies", index, "name"), company.name, accepted)


RULES = (
    Rule(_namespaces, ("companies[=].name", "ingress.namespace", "network.monitoringNamespace")),
    Rule(_stack),
    Rule(_domain, ("domain", "regions[*].name")),
    Rule(
        _roles,
        ("identity", "companies[=].name", "companies[=].regions", "regions[*].name", "replication.enabled"),
    ),
)
