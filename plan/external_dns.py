"""What external-dns is told by annotations when it manages the names, and what cannot be told that way.

external-dns writes the records of a company's name itself, one a region, without a tree. Annotation keys are
those of external-dns 0.22 (docs/annotations/annotations.md, docs/tutorials/aws.md; read from the source at
2bf1bf8). Only the prefix differs in earlier versions, so it is a setting.
"""

from collections.abc import Sequence

from plan.geo import DEFAULT
from plan.records import CompanyRoute, Policy, RegionRoute, geo_location
from plan.trees import serving_order

# Set by the caller, who alone knows the id of the check that `plan.dns.health_check` names.
HEALTH_CHECK_ID = "aws-health-check-id"
TARGET = "target"

_GEO_KEYS = {"CountryCode": "aws-geolocation-country-code", "ContinentCode": "aws-geolocation-continent-code"}
_INSTEAD = "use `manager: route53` instead"


def annotations(
    prefix: str,
    policy: Policy,
    region: RegionRoute,
    company: CompanyRoute,
    host: str,
    regions: Sequence[RegionRoute],
    target: str | None = None,
) -> dict[str, str]:
    """The annotations of a company's ingress in one region; the caller adds HEALTH_CHECK_ID.

    `prefix` ends with a slash; `regions` are the stack's; `target` is the region's own endpoint, where it has
    one, for the ingress's status does not name that. Requires that `problems` found none. Target health is
    never evaluated: of a load balancer that companies share it would tell of all of them.
    """
    if found := problems(policy, regions, company):
        raise ValueError("; ".join(found))
    keys = {
        "hostname": host,
        "set-identifier": region.name,
        "aws-evaluate-target-health": "false",
        **_routing(policy, region, company, regions),
    }
    if target is not None:
        keys[TARGET] = target
    return {f"{prefix}{key}": value for key, value in keys.items()}


def _routing(
    policy: Policy, region: RegionRoute, company: CompanyRoute, regions: Sequence[RegionRoute]
) -> dict[str, str]:
    match policy:
        case Policy.LATENCY:
            return {"aws-region": region.name}
        case Policy.WEIGHTED:
            return {"aws-weight": str(region.weight if region.active else 0)}
        case Policy.FAILOVER:
            first = _own(policy, company, regions)[0]
            return {"aws-failover": "PRIMARY" if region.name == first.name else "SECONDARY"}
        case Policy.GEO:
            return {_GEO_KEYS[key]: value for key, value in geo_location(region.geo[0]).items()}


def problems(policy: Policy, regions: Sequence[RegionRoute], company: CompanyRoute) -> list[str]:
    """What external-dns cannot express for this company; each text names it and what to use instead."""
    own = _own(policy, company, regions)
    match policy:
        case Policy.LATENCY:
            found = _passive_problems(policy, own)
        case Policy.WEIGHTED:
            found = _weight_problems(own)
        case Policy.FAILOVER:
            found = _failover_problems(own)
        case Policy.GEO:
            found = _passive_problems(policy, own) + _geo_problems(own)
    return [f"company {company.namespace}: external-dns cannot express {what}: {_INSTEAD}" for what in found]


def _own(policy: Policy, company: CompanyRoute, regions: Sequence[RegionRoute]) -> tuple[RegionRoute, ...]:
    return serving_order(policy, company, {region.name: region for region in regions})


def _names(regions: Sequence[RegionRoute]) -> str:
    return ", ".join(region.name for region in regions)


def _passive_problems(policy: Policy, own: Sequence[RegionRoute]) -> list[str]:
    passive = [region for region in own if not region.active]
    return [f"policy {policy} with passive regions ({_names(passive)})"] if passive else []


def _weight_problems(own: Sequence[RegionRoute]) -> list[str]:
    """Passive regions weigh 0 there: so they are all alike, and an active one of weight 0 is like them."""
    passive = [region for region in own if not region.active]
    drained = [region for region in own if region.active and region.weight == 0]
    found = []
    if passive and drained:
        found.append(
            f"policy weighted with passive regions and an active region of weight 0 ({_names(drained)})"
        )
    if len({region.weight for region in passive}) > 1:
        found.append(f"policy weighted with passive regions of different weights ({_names(passive)})")
    return found


def _failover_problems(own: Sequence[RegionRoute]) -> list[str]:
    if len(own) == 2:
        return []
    return [f"policy failover with other than two regions (these are {len(own)}: {_names(own)})"]


def _geo_problems(own: Sequence[RegionRoute]) -> list[str]:
    found = [
        f"policy geo with other than one geo code a region ({region.name} has {len(region.geo)})"
        for region in own
        if len(region.geo) != 1
    ]
    if not any(DEFAULT in region.geo for region in own):
        found.append(f"policy geo without a default region (none of {_names(own)} has the code `default`)")
    return found
