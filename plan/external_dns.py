"""The annotations for external-dns, and what annotations cannot express.

With manager external-dns, external-dns writes the records of a company's name itself, one for each region and
record type, without a tree. With manager route53, an annotation makes it ignore this program's Ingresses.
Annotation keys and record types are those of external-dns 0.22.0 (docs/annotations/annotations.md,
source/ingress.go, provider/aws/aws.go). Only the prefix differs in earlier versions, so it is a setting.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from plan.edges import NO_ENDPOINTS
from plan.geo import DEFAULT
from plan.record_sets import AWS_REGION
from plan.records import LEAF_TTL, CompanyRoute, RegionRoute, RoutingPolicy, geo_location
from plan.trees import serving_order

HEALTH_CHECK_ID = "aws-health-check-id"
"""The caller sets this annotation: only Route53 knows the id of the check."""
TARGET = "target"
PREFIX = "external-dns.kubernetes.io/"
OLD_PREFIX = "external-dns.alpha.kubernetes.io/"
"""The default of versions before 0.22."""

_GEO_KEYS = {"CountryCode": "aws-geolocation-country-code", "ContinentCode": "aws-geolocation-continent-code"}
_ALIAS_TARGET = re.compile(
    rf".+\.(({AWS_REGION}\.(elb|vpce)|(elb|execute-api)\.{AWS_REGION})\.amazonaws\.com(\.cn)?"
    r"|cloudfront\.net|awsglobalaccelerator\.com)"
)


def is_aws_alias_target(hostname: str) -> bool:
    """Whether external-dns creates alias records of types A and AAAA for this target, rather than a CNAME:
    for load balancers, VPC endpoints, API Gateway, CloudFront and Global Accelerator. With its flag
    `--aws-prefer-cname` it creates only CNAMEs.
    """
    return _ALIAS_TARGET.fullmatch(hostname) is not None


def keep_away(prefix: str) -> dict[str, str]:
    """Annotations with which external-dns ignores an Ingress: it does so for any controller but its own.

    The default prefixes of all versions are included, because an external-dns of any version may run in the
    cluster for other purposes; `prefix` is that of the settings.
    """
    return {f"{each}controller": "none" for each in (PREFIX, OLD_PREFIX, prefix)}


def edge_annotations(prefix: str, host: str) -> dict[str, str]:
    """Annotations of an edge's Ingress. When its load balancer changes, clients follow within the TTL."""
    return {f"{prefix}hostname": host, f"{prefix}ttl": str(LEAF_TTL)}


def annotations(
    prefix: str,
    policy: RoutingPolicy,
    region: RegionRoute,
    company: CompanyRoute,
    host: str,
    regions: Sequence[RegionRoute],
    target: str | None = None,
) -> dict[str, str]:
    """The annotations of a company's ingress in one region; the caller adds HEALTH_CHECK_ID.

    `prefix` ends with a slash; `regions` are the stack's; `target` is the region's endpoint, if it has one,
    which the Ingress's status lacks. Raises ValueError where `unsupported` is not empty. Target health is not
    evaluated: companies share the load balancer, whose health says nothing about one of them.
    """
    if features := unsupported(policy, regions, company):
        raise ValueError(f"company {company.namespace}: external-dns cannot express {'; '.join(features)}")
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
    policy: RoutingPolicy, region: RegionRoute, company: CompanyRoute, regions: Sequence[RegionRoute]
) -> dict[str, Any]:
    """The routing policy of a company's record in one region, in the format of Route53's API."""
    match policy:
        case RoutingPolicy.LATENCY:
            return {"Region": region.name}
        case RoutingPolicy.WEIGHTED:
            return {"Weight": region.weight if region.active else 0}
        case RoutingPolicy.FAILOVER:
            first = _own(policy, company, regions)[0]
            return {"Failover": "PRIMARY" if region.name == first.name else "SECONDARY"}
        case RoutingPolicy.GEO:
            return {"GeoLocation": geo_location(region.geo[0])}


def _routing_annotations(policy: dict[str, Any]) -> dict[str, str]:
    annotations = {f"aws-{key.lower()}": str(value) for key, value in policy.items() if key != "GeoLocation"}
    return annotations | {_GEO_KEYS[key]: value for key, value in policy.get("GeoLocation", {}).items()}


def unsupported(
    policy: RoutingPolicy,
    regions: Sequence[RegionRoute],
    company: CompanyRoute,
    endpoints: Mapping[str, str] = NO_ENDPOINTS,
) -> list[str]:
    """What this company needs and external-dns cannot express. `endpoints` maps regions to endpoints."""
    own = _own(policy, company, regions)
    match policy:
        case RoutingPolicy.LATENCY:
            features = _passive(policy, own)
        case RoutingPolicy.WEIGHTED:
            features = _weights(own)
        case RoutingPolicy.FAILOVER:
            features = _failover(own)
        case RoutingPolicy.GEO:
            features = _passive(policy, own) + _geo(own)
    return features + _record_types(own, endpoints)


def _own(
    policy: RoutingPolicy, company: CompanyRoute, regions: Sequence[RegionRoute]
) -> tuple[RegionRoute, ...]:
    return serving_order(policy, company, {region.name: region for region in regions})


def _names(regions: Sequence[RegionRoute]) -> str:
    return ", ".join(region.name for region in regions)


def _passive(policy: RoutingPolicy, own: Sequence[RegionRoute]) -> list[str]:
    passive = [region for region in own if not region.active]
    return [f"policy {policy} with passive regions ({_names(passive)})"] if passive else []


def _record_types(own: Sequence[RegionRoute], endpoints: Mapping[str, str]) -> list[str]:
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


def _weights(own: Sequence[RegionRoute]) -> list[str]:
    """Passive regions have weight 0 there, so nothing ranks them, or separates them from a drained region."""
    passive = [region for region in own if not region.active]
    drained = [region for region in own if region.active and region.weight == 0]
    features = []
    if passive and drained:
        features.append(
            f"policy weighted with passive regions and an active region of weight 0 ({_names(drained)})"
        )
    if len({region.weight for region in passive}) > 1:
        features.append(f"policy weighted with passive regions of different weights ({_names(passive)})")
    return features


def _failover(own: Sequence[RegionRoute]) -> list[str]:
    if len(own) == 2:
        return []
    return [f"policy failover with {len(own)} regions instead of 2 ({_names(own)})"]


def _geo(own: Sequence[RegionRoute]) -> list[str]:
    features = [
        f"policy geo with {len(region.geo)} geo codes instead of 1 in a region ({region.name})"
        for region in own
        if len(region.geo) != 1
    ]
    if not any(DEFAULT in region.geo for region in own):
        features.append(f"policy geo without the geo code `default` (in {_names(own)})")
    return features
