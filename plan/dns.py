"""The DNS record plan: which health checks and Route53 records a stack needs, as plain values.

A company's name is an alias to a *tree* of CNAME records, whose leaves point to edges (or to a region's own
endpoint) and carry its health check. Companies that live in the same regions behind the same edge share a
tree, so records grow with companies + trees × regions. By routing policy, a tree's root holds

- `latency`, `weighted`: one leaf per region; with passive regions PRIMARY → the active group, SECONDARY →
  the passive group;
- `failover`: the first node of a chain, each node PRIMARY → its region, SECONDARY → the next node;
- `geo`: one record per geo code, each → its own failover chain, the code's region first, passive ones last.

Route53 treats a group of only unhealthy records as healthy, and answers the primary of an unhealthy pair
(developer guide, "How Amazon Route 53 chooses records when health checking is configured"; API
reference, ResourceRecordSet.Failover): so when no region is healthy, an active region answers, chosen by
the routing policy.

Every name in a tree contains a digest of the tree's shape, so a name never changes its routing policy, its
set identifiers or its alias targets: another shape is another tree, and only the companies' aliases move.
Weights, endpoints and health checks are values of records and not part of the shape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from plan.edges import NO_ENDPOINTS, plan_checks
from plan.names import host_of
from plan.record_sets import LABEL_LIMIT, NAME_LIMIT
from plan.records import (
    Alias,
    CompanyRoute,
    Record,
    RecordPlan,
    RegionRoute,
    RoutingPolicy,
    Tree,
)
from plan.trees import TreePlanner, serving_order


class LongName(ValueError):
    """A name over Route53's limits."""


def plan_records(
    *,
    domain: str,
    policy: RoutingPolicy,
    regions: Sequence[RegionRoute],
    companies: Sequence[CompanyRoute],
    endpoints: Mapping[str, str] = NO_ENDPOINTS,
) -> RecordPlan:
    """Plan all checks and records of a stack.

    `endpoints` maps a region to the name of an existing load balancer, which replaces the region's edges. The
    settings reject namespaces that are names of regions or edges; this function relies on that. Raises
    ValueError for a duplicate region or company, for a company with an unknown region or without an active
    one, for a geo code of two of its regions, and LongName for a name over Route53's limits.
    """
    _reject_duplicates("regions", [region.name for region in regions])
    _reject_duplicates("companies", [company.namespace for company in companies])
    known = {region.name: region for region in regions}
    trees: dict[str, Tree] = {}
    aliases: dict[str, Record] = {}
    for company in sorted(companies, key=lambda company: company.namespace):
        _reject_unplannable(company, known, policy)
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
    _reject_long_names(plan)
    return plan


def _company_record(company: CompanyRoute, domain: str, tree: Tree) -> Record:
    return Record(
        name=host_of(company.namespace, domain),
        set_identifier=None,
        routing=None,
        target=Alias(tree.name),
        check=None,
    )


def _reject_unplannable(
    company: CompanyRoute, known: Mapping[str, RegionRoute], policy: RoutingPolicy
) -> None:
    what = f"regions of company {company.namespace!r}"
    _reject_duplicates(what, company.regions)
    if unknown := [name for name in company.regions if name not in known]:
        raise ValueError(f"{what}: must be among {sorted(known)}, got {unknown}")
    if not any(known[name].active for name in company.regions):
        raise ValueError(f"{what}: must have an active one, got {list(company.regions)}")
    if policy is RoutingPolicy.GEO:
        _reject_duplicates(
            f"geo codes in the {what}", [code for name in company.regions for code in known[name].geo]
        )


def _reject_duplicates(what: str, values: Sequence[str]) -> None:
    if duplicates := sorted(value for value, times in Counter(values).items() if times > 1):
        raise ValueError(f"{what}: must be unique, got duplicates of {duplicates}")


def _reject_long_names(plan: RecordPlan) -> None:
    for name in {record.name for record in plan.records} | {check.fqdn for check in plan.checks}:
        if len(name) > NAME_LIMIT or any(not 0 < len(label) <= LABEL_LIMIT for label in name.split(".")):
            raise LongName(
                f"a DNS name must have at most {NAME_LIMIT} bytes, in labels of 1 to {LABEL_LIMIT};"
                f" got {name!r}"
            )
