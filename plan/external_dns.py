"""The annotations for external-dns, and what annotations cannot express.

Where external-dns manages the names, it writes the records of a company's name itself, one for each region
and record type, without a tree. Where it does not, an annotation keeps it away from this program's Ingresses.
Annotation keys and record types are those of external-dns 0.22.0 (docs/annotations/annotations.md,
source/ingress.go, provider/aws/aws.go). Only the prefix differs in earlier versions, so it is a setting.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from plan.edges import NO_ENDPOINTS
from plan.geo import DEFAULT
from plan.record_sets import AWS_REGION
from plan.records import LEAF_TTL, CompanyRoute, Policy, RegionRoute, geo_location
from plan.trees import serving_order

# Set by the caller, who alone knows the id of the check that `plan.dns.health_check` names.
HEALTH_CHECK_ID = "aws-health-check-id"
TARGET = "target"
PREFIX = "external-dns.kubernetes.io/"
OLD_PREFIX = "external-dns.alpha.kubernetes.io/"
"""The default of versions before 0.22."""

_GEO_KEYS = {"CountryCode": "aws-geolocation-country-code", "ContinentCode": "aws-geolocation-continent-code"}
_INSTEAD = "use `manager: route53` instead"
_ALIAS_TARGET = re.compile(
    rf".+\.(({AWS_REGION}\.(elb|vpce)|(elb|execute-api)\.{AWS_REGION})\.amazonaws\.com(\.cn)?"
    r"|cloudfront\.net|awsglobalaccelerator\.com)"
)


def is_aws_alias_target(hostname: str) -> bool:
    """Whether external-dns makes alias records of types A and AAAA for this target, rather than a CNAME: load
    balancers, VPC endpoints, API Gateway, CloudFront and Global Accelerator. Its flag `--aws-prefer-cname`
    makes CNAMEs of all.
    """
    return _ALIAS_TARGET.fullmatch(hostname) is not None


def keep_away(prefix: str) -> dict[str, str]:
    """Annotations with which external-dns ignores an Ingress: any controller but `dns-controller` does that.

    Under the default prefixes of all versions, for it may run for something else than this stack; `prefix` is
    that of the settings.
    """
    return {f"{each}controller": "none" for each in (PREFIX, OLD_PREFIX, prefix)}


def edge_annotations(prefix: str, host: str) -> dict[str, str]:
    """Annotations of an edge's Ingress. Its load balancer may change: clients follow within the TTL."""
    return {f"{prefix}hostname": host, f"{prefix}ttl": str(LEAF_TTL)}


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
        "ttl": str(LEAF_TTL),
        "aws-evaluate-target-health": "false",
        **_routing_annotations(routing(policy, region, company, regions)),
    }
    if target is not None:
        keys[TARGET] = target
    return {f"{prefix}{key}": value for key, value in keys.items()}


def routing(
    policy: Policy, region: RegionRoute, company: CompanyRoute, regions: Sequence[RegionRoute]
) -> dict[str, Any]:
    """The routing policy of a company's record in one region, as Route53's API writes it."""
    match policy:
        case Policy.LATENCY:
            return {"Region": region.name}
        case Policy.WEIGHTED:
            return {"Weight": region.weight if region.active else 0}
        case Policy.FAILOVER:
            first = _own(policy, company, regions)[0]
            return {"Failover": "PRIMARY" if region.name == first.name else "SECONDARY"}
        case Policy.GEO:
            return {"GeoLocation": geo_location(region.geo[0])}


def _routing_annotations(policy: dict[str, Any]) -> dict[str, str]:
    found = {f"aws-{key.lower()}": str(value) for key, value in policy.items() if key != "GeoLocation"}
    return found | {_GEO_KEYS[key]: value for key, value in policy.get("GeoLocation", {}).items()}


def problems(
    policy: Policy,
    regions: Sequence[RegionRoute],
    company: CompanyRoute,
    endpoints: Mapping[str, str] = NO_ENDPOINTS,
) -> list[str]:
    """What external-dns cannot express for this company; each text names it and what to use instead.

    `endpoints` maps a region to its own endpoint, where it has one.
    """
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
    found += _record_type_problems(own, endpoints)
    return [f"company {company.namespace}: external-dns cannot express {what}: {_INSTEAD}" for what in found]


def _own(policy: Policy, company: CompanyRoute, regions: Sequence[RegionRoute]) -> tuple[RegionRoute, ...]:
    return serving_order(policy, company, {region.name: region for region in regions})


def _names(regions: Sequence[RegionRoute]) -> str:
    return ", ".join(region.name for region in regions)


def _passive_problems(policy: Policy, own: Sequence[RegionRoute]) -> list[str]:
    passive = [region for region in own if not region.active]
    return [f"policy {policy} with passive regions ({_names(passive)})"] if passive else []


def _record_type_problems(own: Sequence[RegionRoute], endpoints: Mapping[str, str]) -> list[str]:
    """Route53 allows no CNAME beside another record type under one name."""
    cnames = [
        region
        for region in own
        if region.name in endpoints and not is_aws_alias_target(endpoints[region.name])
    ]
    aliases = [region for region in own if region not in cnames]
    if not (cnames and aliases):
        return []
    return [
        f"alias records for load balancers of AWS ({_names(aliases)}) and CNAME records for other endpoints"
        f" ({_names(cnames)}) under one name"
    ]


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
