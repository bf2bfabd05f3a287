"""The DNS record plan: which health checks and Route53 records a stack needs, as plain values.

A company's name is an alias on a *tree* of CNAME records, whose leaves point at edges (or at a region's own
endpoint) and carry its health check. Companies that live in the same regions behind the same edge share a
tree, so records grow with companies + trees × regions. By policy, a tree's root holds

- `latency`, `weighted`: a leaf a region; with passive regions PRIMARY → the active, SECONDARY → the passive
  group;
- `failover`: the first node of a chain, each node PRIMARY → its region, SECONDARY → the next node;
- `geo`: a record a geo code, each → a failover chain of its own, its own region first, passive regions last.

Route53 takes a group whose records are all unhealthy for healthy, and of an unhealthy pair it answers the
primary (developer guide, "How Amazon Route 53 chooses records when health checking is configured"; API
reference, ResourceRecordSet.Failover): so when nothing is healthy, an active region answers, chosen by the
policy.

Every name in a tree carries a digest of the tree's shape, so a name never changes its policy, its set
identifiers or its alias targets: a change of shape is another tree, and only the companies' aliases move.
Weights, endpoints and health checks are values of records and not part of the shape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from plan.edges import NO_ENDPOINTS, edge_name, health_check, plan_checks
from plan.geo import CONTINENTS, is_geo_code
from plan.names import host_of
from plan.records import (
    LEAF_TTL,
    Alias,
    CompanyRoute,
    Failover,
    Geolocation,
    HealthCheck,
    Latency,
    Leaf,
    Policy,
    Record,
    RecordPlan,
    RegionRoute,
    Routing,
    Tree,
    Weighted,
    geo_location,
    to_api,
)
from plan.trees import TreePlanner, serving_order

__all__ = [
    "CONTINENTS",
    "LEAF_TTL",
    "Alias",
    "CompanyRoute",
    "Failover",
    "Geolocation",
    "HealthCheck",
    "Latency",
    "Leaf",
    "Policy",
    "Record",
    "RecordPlan",
    "RegionRoute",
    "Routing",
    "Tree",
    "Weighted",
    "edge_name",
    "geo_location",
    "health_check",
    "is_geo_code",
    "plan_checks",
    "plan_records",
    "to_api",
]

# Route53's limits, in bytes: developer guide, "DNS domain name format".
_LABEL_LIMIT, _NAME_LIMIT = 63, 255


def plan_records(
    *,
    domain: str,
    policy: Policy,
    regions: Sequence[RegionRoute],
    companies: Sequence[CompanyRoute],
    endpoints: Mapping[str, str] = NO_ENDPOINTS,
) -> RecordPlan:
    """Plan all checks and records of a stack.

    `endpoints` maps a region to the name of a load balancer that exists already; it replaces the region's
    edges. The settings refuse namespaces that are names of regions or edges; this function trusts them in
    that. Raises ValueError for a region or company twice, for a company with an unknown region or none that
    is active, for a geo code that two of its regions have, and for a name over Route53's limits.
    """
    _refuse_duplicates("regions", [region.name for region in regions])
    _refuse_duplicates("companies", [company.namespace for company in companies])
    known = {region.name: region for region in regions}
    trees: dict[str, Tree] = {}
    aliases: dict[str, Record] = {}
    for company in sorted(companies, key=lambda company: company.namespace):
        _refuse_unplannable(company, known, policy)
        planner = TreePlanner(
            domain=domain,
            policy=policy,
            company=company,
            members=serving_order(policy, company, known),
            endpoints=endpoints,
        )
        tree = trees.get(planner.digest) or planner.tree()
        trees[tree.digest] = tree
        aliases[company.namespace] = _company_record(company, domain, tree)
    plan = RecordPlan(
        checks=plan_checks(domain=domain, companies=companies, endpoints=endpoints),
        trees=tuple(sorted(trees.values(), key=lambda tree: tree.name)),
        companies=aliases,
    )
    _refuse_long_names(plan)
    return plan


def _company_record(company: CompanyRoute, domain: str, tree: Tree) -> Record:
    return Record(
        name=host_of(company.namespace, domain),
        set_identifier=None,
        routing=None,
        target=Alias(tree.name),
        check=None,
    )


def _refuse_unplannable(company: CompanyRoute, known: Mapping[str, RegionRoute], policy: Policy) -> None:
    what = f"regions of company {company.namespace!r}"
    _refuse_duplicates(what, company.regions)
    if unknown := [name for name in company.regions if name not in known]:
        raise ValueError(f"{what}: unknown {unknown}, known are {sorted(known)}")
    if not any(known[name].active for name in company.regions):
        raise ValueError(f"{what}: at least one must be active, came {list(company.regions)}")
    if policy is Policy.GEO:
        _refuse_duplicates(
            f"geo codes in the {what}", [code for name in company.regions for code in known[name].geo]
        )


def _refuse_duplicates(what: str, values: Sequence[str]) -> None:
    if twice := sorted(value for value, times in Counter(values).items() if times > 1):
        raise ValueError(f"{what}: each may come once, twice came {twice}")


def _refuse_long_names(plan: RecordPlan) -> None:
    for name in {record.name for record in plan.records} | {check.fqdn for check in plan.checks}:
        if len(name) > _NAME_LIMIT or any(not 0 < len(label) <= _LABEL_LIMIT for label in name.split(".")):
            raise ValueError(
                f"{name!r}: a DNS name has at most {_NAME_LIMIT} bytes, in labels of 1 to {_LABEL_LIMIT}"
            )
