"""Rules about fixed limits of AWS. Limits that a request can raise lead to warnings (`warnings.py`)."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from plan import iam, names
from plan.limits import BUCKET_POLICY, COMPANIES_PER_EDGE, POD_IDENTITY_ASSOCIATIONS, ROLE_INLINE_POLICIES
from settings.clusters import clusters_of
from settings.companies import Company
from settings.models import Identity, Settings
from settings.problems import Problem
from settings.regions import Region
from settings.rules.base import Rule, known_regions


def _edges(settings: Settings, _: str) -> Iterator[Problem]:
    """Companies over an edge's limit, with the first edge that has room in all their regions.

    One problem for all companies that should move from one edge to the same other edge.
    """
    if not settings.ingress.makes_load_balancers:
        return
    taken: Counter[tuple[str, int]] = Counter()
    over: list[tuple[int, Company, list[Region]]] = []
    for index, company in enumerate(settings.companies):
        regions = [region for region in known_regions(settings, company) if not region.endpoint]
        if _has_room(taken, regions, company.edge):
            taken.update((region.name, company.edge) for region in regions)
        else:
            over.append((index, company, regions))
    moves: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for index, company, regions in over:
        free = next(number for number in range(1, 1000) if _has_room(taken, regions, number))
        taken.update((region.name, free) for region in regions)
        moves[company.edge, free].append(index)
    for (edge, free), indices in moves.items():
        advice = f"Edge {edge} is full ({COMPANIES_PER_EDGE} companies per load balancer)."
        if len(indices) > 1:
            advice += f" The same applies to {_span(indices[1:])}."
        yield Problem(("companies", indices[0], "edge"), edge, f"must be {free}", advice)


def _has_room(taken: Counter[tuple[str, int]], regions: list[Region], edge: int) -> bool:
    return all(taken[region.name, edge] < COMPANIES_PER_EDGE for region in regions)


def _span(indices: list[int]) -> str:
    first, last = indices[0], indices[-1]
    if len(indices) == 1:
        return f"companies[{first}]"
    return f"{len(indices)} more, companies[{first}] to companies[{last}]"


def _associations(settings: Settings, _: str) -> Iterator[Problem]:
    if settings.identity is not Identity.POD_IDENTITY or not settings.replication.enabled:
        return
    limit = POD_IDENTITY_ASSOCIATIONS
    for cluster in clusters_of(settings):
        hosted = {region.name for region in cluster.regions}
        own = [{region.name for region in known_regions(settings, company)} for company in settings.companies]
        count = sum(2 * len(hosted & regions) for regions in own)
        if count > limit.most and (cluster.eks or cluster.eks_name):
            requirement = f"must need at most {limit.most} {limit.what}"
            advice = f"Each company needs two in each region ({limit.source})."
            yield Problem(("companies",), f"{count} in {cluster.id}", requirement, advice)


def _policies(settings: Settings, stack: str) -> Iterator[Problem]:
    """The size of the roles' inline policies, which grows with the square of the number of regions."""
    if not settings.replication.enabled:
        return
    known = {region.name for region in settings.regions}
    buckets = {name: names.bucket_name(settings.resource_prefix, stack, name) for name in known}
    namespaces = [iam.SESSION_NAMESPACE]
    if settings.identity is Identity.IRSA:
        namespaces = [company.namespace for company in settings.companies] or [""]
    links = {
        region.name: sorted(known.intersection(region.replicate_to or known) - {region.name})
        for region in settings.regions
        if region.replicate_to != ()
    }
    keys = {name: settings.kms_keys[name] for name in known & settings.kms_keys.keys()}
    keys = keys if keys.keys() == known else {}
    documents = [iam.replication_access(links, buckets, keys)] + [
        iam.gate_access(
            region=name, component="agent", buckets=buckets, keys=keys, namespace=max(namespaces, key=len)
        )
        for name in known
    ]
    if settings.identity is Identity.POD_IDENTITY:
        documents += [iam.earlier_access(region=name, buckets=buckets, keys=keys) for name in known]
    size, limit = max(map(_size, documents)), ROLE_INLINE_POLICIES
    if size > limit.most:
        requirement = f"must need at most {limit.most} {limit.what}"
        advice = f"The policies need {size} ({limit.source}). Use fewer regions."
        yield Problem(("regions",), f"{len(known)} regions", requirement, advice)


def _bucket_policies(settings: Settings, stack: str) -> Iterator[Problem]:
    """They name the roles of all regions, with their path."""
    if not settings.replication.enabled:
        return
    regions = {region.name for region in settings.regions}
    buckets = {name: names.bucket_name(settings.resource_prefix, stack, name) for name in regions}
    roles = settings.role_names(stack)
    size = max(_size(iam.bucket_policy(roles, name, buckets)) for name in regions)
    if settings.role_path and size > BUCKET_POLICY.most:
        requirement = f"must lead to at most {BUCKET_POLICY.most} {BUCKET_POLICY.what}"
        advice = f"With {len(regions)} regions it needs {size} ({BUCKET_POLICY.source})."
        yield Problem(("rolePath",), settings.role_path, requirement, advice)


def _size(document: iam.Document) -> int:
    """Characters without white space, as IAM counts them."""
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False))


_NAMES = ("replication.enabled", "domain", "namePrefix", "rolePath", "regions[*].name")
_WHERE = ("regions[*].name", "companies[*].regions")

RULES = (
    Rule(_edges, ("companies[*].edge", "regions[*].endpoint", "ingress", *_WHERE)),
    Rule(_associations, ("identity", "replication.enabled", *_WHERE)),
    Rule(_bucket_policies, _NAMES),
    Rule(
        _policies,
        (
            "identity",
            "replication.enabled",
            "domain",
            "namePrefix",
            "regions[*].name",
            "regions[*].kmsKeyArn",
            "regions[*].replicateTo",
        ),
    ),
)
