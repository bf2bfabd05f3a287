"""Rules about limits of AWS that no request can raise. The others are warnings (`warnings.py`)."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from plan import iam, names
from plan.limits import COMPANIES_PER_EDGE, POD_IDENTITY_ASSOCIATIONS, ROLE_INLINE_POLICIES
from settings.clusters import clusters_of
from settings.faults import Fault
from settings.models import Company, Identity, Region, Settings
from settings.rules.base import Rule, known_regions


def _edges(settings: Settings, _: str) -> Iterator[Fault]:
    """Companies over an edge's limit, with the first edge that has room in all their regions.

    One fault for all that should go from one edge to the same other one.
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
        rest = f"; the same for {_span(indices[1:])}" if len(indices) > 1 else ""
        accepted = f"{free}, for edge {edge} is full ({COMPANIES_PER_EDGE} companies a load balancer){rest}"
        yield Fault(("companies", indices[0], "edge"), edge, accepted)


def _has_room(taken: Counter[tuple[str, int]], regions: list[Region], edge: int) -> bool:
    return all(taken[region.name, edge] < COMPANIES_PER_EDGE for region in regions)


def _span(indices: list[int]) -> str:
    first, last = indices[0], indices[-1]
    if len(indices) == 1:
        return f"companies[{first}]"
    return f"{len(indices)} more, companies[{first}] to companies[{last}]"


def _associations(settings: Settings, _: str) -> Iterator[Fault]:
    if settings.identity is not Identity.POD_IDENTITY or not settings.replication.enabled:
        return
    limit = POD_IDENTITY_ASSOCIATIONS
    for cluster in clusters_of(settings):
        hosted = {region.name for region in cluster.regions}
        own = [{region.name for region in known_regions(settings, company)} for company in settings.companies]
        count = sum(2 * len(hosted & regions) for regions in own)
        if count > limit.most and (cluster.eks or cluster.eks_name):
            accepted = f"at most {limit.most} {limit.what}, two for each company and region ({limit.source})"
            yield Fault(("companies",), f"{count} in {cluster.folder}", accepted)


def _policies(settings: Settings, stack: str) -> Iterator[Fault]:
    """The roles' inline policies, which grow with the square of the number of regions."""
    if not settings.replication.enabled:
        return
    known = {region.name for region in settings.regions}
    buckets = {name: names.bucket_name(settings.domain, stack, name) for name in known}
    namespaces = [iam.SESSION_NAMESPACE]
    if settings.identity is Identity.IRSA:
        namespaces = [company.namespace for company in settings.companies] or [""]
    links = {
        region.name: sorted(known.intersection(region.replicate_to or known) - {region.name})
        for region in settings.regions
        if region.replicate_to != ()
    }
    documents = [iam.replication_access(links, buckets)] + [
        iam.replica_access(region=name, buckets=buckets, namespace=max(namespaces, key=len)) for name in known
    ]
    size, limit = max(map(_size, documents)), ROLE_INLINE_POLICIES
    if size > limit.most:
        accepted = f"fewer: they need {size} of at most {limit.most} {limit.what} ({limit.source})"
        yield Fault(("regions",), f"{len(known)} regions", accepted)


def _size(document: iam.Document) -> int:
    """Characters as IAM counts them: white space aside."""
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False))


_WHERE = ("regions[*].name", "companies[*].regions")

RULES = (
    Rule(_edges, ("companies[*].edge", "regions[*].endpoint", "ingress", *_WHERE)),
    Rule(_associations, ("identity", "replication.enabled", *_WHERE)),
    Rule(
        _policies, ("identity", "replication.enabled", "domain", "regions[*].name", "regions[*].replicateTo")
    ),
)
