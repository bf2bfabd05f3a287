"""Which regions' snapshots a gate takes over: the part of its config that follows from the routing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from plan.records import CompanyRoute, RegionRoute, RoutingPolicy
from plan.trees import serving_order


@dataclass(frozen=True, kw_only=True)
class HandoverPlan:
    priority: tuple[str, ...]
    """The company's regions in the order of takeover: all active regions before all passive regions."""
    follows: tuple[str, ...]
    """Regions whose snapshots this region takes over; empty: the region has files of its own."""
    ranked: bool
    """Whether snapshots rank by generation. Else a followed region's snapshot always wins."""


def priority_of(
    policy: RoutingPolicy, company: CompanyRoute, regions: Mapping[str, RegionRoute]
) -> tuple[str, ...]:
    """With `failover` the serving order, else the active regions by name and then the passive regions."""
    serving = serving_order(policy, company, regions)
    return tuple(region.name for region in sorted(serving, key=lambda region: not region.active))


def brain_handover(
    policy: RoutingPolicy, company: CompanyRoute, regions: Mapping[str, RegionRoute], region: str
) -> HandoverPlan:
    """With `failover` all regions share one lineage. Else each active region has its own, and a passive
    region follows the first active one.
    """
    priority = priority_of(policy, company, regions)
    if policy is RoutingPolicy.FAILOVER:
        others = tuple(name for name in priority if name != region)
        return HandoverPlan(priority=priority, follows=others, ranked=True)
    first = next(name for name in priority if regions[name].active)
    follows = () if regions[region].active else (first,)
    return HandoverPlan(priority=priority, follows=follows, ranked=False)


def agent_handover(
    policy: RoutingPolicy, company: CompanyRoute, regions: Mapping[str, RegionRoute]
) -> HandoverPlan:
    """An Agent's volume is uploaded and restored, and follows no other region."""
    return HandoverPlan(priority=priority_of(policy, company, regions), follows=(), ranked=False)
