"""Any stack whose clients come by AWS Global Accelerator, without what it cannot keep."""

from __future__ import annotations

import copy

from hypothesis.strategies import SearchStrategy

from plan.accelerators import REGIONS_TRIED
from tests.strategies import Raw, valid_stacks

ARN = "arn:aws:elasticloadbalancing:{region}:123456789012:loadbalancer/net/front/0123456789abcdef"


def accelerated_stacks() -> SearchStrategy[tuple[Raw, str]]:
    drawn = valid_stacks(max_regions=4, max_companies=4, policy="latency")
    return drawn.map(lambda pair: (accelerated(pair[0], pair[1]), pair[1]))


def accelerated(raw: Raw, stack: str) -> Raw:
    found = copy.deepcopy(raw)
    found["loadBalancing"] = {"policy": "latency", "manager": "global-accelerator"}
    found["hostedZoneId"] = "Z0123456789ABCDEFGHIJ"
    regions = [dict(one) if isinstance(one, dict) else {"name": one} for one in found["regions"]]
    makes = found.get("ingress", {}).get("controller", "ingress.k8s.aws/alb") == "ingress.k8s.aws/alb"
    makes = makes and found.get("ingress", {}).get("className") != "nginx"
    given = set[str]()
    for region in regions:
        region.pop("active", None)
        eks = "eks" in region.get("cluster", {})
        if region.get("endpoint") or not makes or (not eks and stack != "local"):
            region["endpointArn"] = ARN.format(region=region["name"])
        if region.get("endpointArn") and not region.get("endpoint"):
            given.add(region["name"])
    companies = [dict(one) if isinstance(one, dict) else {"name": one} for one in found["companies"]]
    for company in companies:
        company.pop("dedicatedHealthChecks", None)
        own = company.get("regions") or [region["name"] for region in regions]
        if len(own) > REGIONS_TRIED:
            company["regions"] = own[:REGIONS_TRIED]
        if given.intersection(own):
            company.pop("edge", None)
    return {**found, "regions": regions, "companies": companies}
