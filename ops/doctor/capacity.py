"""Whether a region's nodes have room for its companies, in all zones together and without the largest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ops.doctor.findings import Finding, missing, present
from plan.names import ZONE_LABEL
from plan.quantities import quantity
from settings import Region, Settings
from settings.companies import HEALTH_MONITOR_RESOURCES, Resources

Amounts = tuple[Decimal, Decimal]
"""CPU in cores, memory in bytes."""
WHAT = "capacity"
ADDED_ON_DEMAND = ("karpenter.sh/nodepool", "eks.amazonaws.com/compute-type")
"""Labels of nodes that Karpenter or EKS Auto Mode made, and of which either makes more."""
NONE: Amounts = (Decimal(0), Decimal(0))


def capacity(settings: Settings, region: Region, nodes: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """`nodes` are those on which the region's pods may run. Pods of others that run there are not counted."""
    labels = [node["metadata"].get("labels") or {} for node in nodes]
    if any(key in each for each in labels for key in ADDED_ON_DEMAND):
        yield present(region.name, WHAT, "nodes are added on demand, within the limits of their pool")
        return
    zones: defaultdict[str, Amounts] = defaultdict(lambda: NONE)
    for node in nodes:
        allocatable = (node.get("status") or {}).get("allocatable") or {}
        if "cpu" not in allocatable or "memory" not in allocatable:
            yield missing(region.name, WHAT, "not known: nodes do not say what they have", "repeat it later")
            return
        zone = (node["metadata"].get("labels") or {}).get(ZONE_LABEL, "no zone")
        zones[zone] = _sum(zones[zone], (quantity(allocatable["cpu"]), quantity(allocatable["memory"])))
    needed, there = _needed(settings, region), _sum(*zones.values())
    if not _fits(needed, there):
        problem = f"the companies request {_text(needed)}, the nodes have {_text(there)}"
        yield missing(region.name, WHAT, problem, "add nodes, or let the cluster's autoscaler add them")
        return
    largest = max(zones, key=lambda zone: zones[zone])
    rest = _sum(*(amounts for zone, amounts in zones.items() if zone != largest))
    without = "" if _fits(needed, rest) else f"; if {largest} is lost, some companies wait for new nodes"
    detail = f"{_text(there)} in {', '.join(sorted(zones))} for {_text(needed)}{without}"
    yield present(region.name, WHAT, detail)


def _needed(settings: Settings, region: Region) -> Amounts:
    """What the applications' containers request; gates are small."""
    here = [company for company in settings.companies if region in settings.regions_of(company)]
    return _sum(
        *(
            amounts
            for company in here
            for amounts in (
                _times(
                    _sum(_of(company.agent.resources), _of(HEALTH_MONITOR_RESOURCES)), company.agent.replicas
                ),
                _times(_of(company.brain.resources), company.brain.replicas),
            )
        )
    )


def _of(resources: Resources) -> Amounts:
    return quantity(resources.requests.cpu or "0"), quantity(resources.requests.memory or "0")


def _sum(*amounts: Amounts) -> Amounts:
    return sum((each[0] for each in amounts), Decimal(0)), sum((each[1] for each in amounts), Decimal(0))


def _times(amounts: Amounts, number: int) -> Amounts:
    return amounts[0] * number, amounts[1] * number


def _fits(needed: Amounts, there: Amounts) -> bool:
    return needed[0] <= there[0] and needed[1] <= there[1]


def _text(amounts: Amounts) -> str:
    return f"{amounts[0]:.1f} CPUs and {amounts[1] / 2**30:.1f} GiB"
