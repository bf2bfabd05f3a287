"""How a company's memory follows its traffic: what gates are told of it (`runtime/gate/config.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from plan.records import CompanyRoute, Policy, RegionRoute
from plan.trees import serving_order


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    order: tuple[str, ...]
    """The company's regions as they take over from each other: all active ones before all passive ones."""
    follows: tuple[str, ...]
    """Regions whose memory this one takes over; empty: it keeps a memory of its own."""
    ranked: bool
    """Whether memories rank by generation. Else a followed region's always wins."""


def memory_order(
    policy: Policy, company: CompanyRoute, regions: Mapping[str, RegionRoute]
) -> tuple[str, ...]:
    """With `failover` the order of serving, else the active regions by name and then the passive ones."""
    serving = serving_order(policy, company, regions)
    return tuple(region.name for region in sorted(serving, key=lambda region: not region.active))


def brain_memory(
    policy: Policy, company: CompanyRoute, regions: Mapping[str, RegionRoute], region: str
) -> MemoryPlan:
    """With `failover` one memory that all regions hand on; else one for each active region, and a passive
    region follows the first of them.
    """
    order = memory_order(policy, company, regions)
    if policy is Policy.FAILOVER:
        others = tuple(name for name in order if name != region)
        return MemoryPlan(order=order, follows=others, ranked=True)
    first = next(name for name in order if regions[name].active)
    return MemoryPlan(order=order, follows=() if regions[region].active else (first,), ranked=False)


def agent_memory(policy: Policy, company: CompanyRoute, regions: Mapping[str, RegionRoute]) -> MemoryPlan:
    """An Agent's volume is copied and restored, and follows nobody."""
    return MemoryPlan(order=memory_order(policy, company, regions), follows=(), ranked=False)
