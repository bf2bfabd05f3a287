"""Creates planned DNS records in Route53."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import ResourceOptions

from components.base import AwsObject
from plan.records import Alias, Failover, Geolocation, Latency, Leaf, Record, Weighted, geo_location


def label_of(record: Record, domain: str) -> str:
    """Identifies a record within its component: its name below the domain and its set identifier."""
    label = record.name.removesuffix(f".{domain}")
    return f"{label}:{record.set_identifier}" if record.set_identifier else label


def create_record(
    name: str,
    record: Record,
    *,
    zone_id: str,
    checks: Mapping[str, pulumi.Input[str]],
    opts: ResourceOptions,
) -> AwsObject:
    """Create a planned record. `checks` maps keys of health checks to their ids."""
    inputs = {
        "zoneId": zone_id,
        "name": record.name,
        "type": "CNAME",
        "setIdentifier": record.set_identifier,
        "healthCheckId": checks[record.check] if record.check else None,
        **_target(record, zone_id),
        **_routing(record),
    }
    return AwsObject(name, "aws:route53/record:Record", inputs, opts)


def _target(record: Record, zone_id: str) -> dict[str, Any]:
    match record.target:
        case Leaf(value, ttl):
            return {"records": [value], "ttl": ttl}
        case Alias(name):
            return {"aliases": [{"name": name, "zoneId": zone_id, "evaluateTargetHealth": True}]}


def _routing(record: Record) -> dict[str, Any]:
    match record.routing:
        case Latency(region):
            return {"latencyRoutingPolicies": [{"region": region}]}
        case Weighted(weight):
            return {"weightedRoutingPolicies": [{"weight": weight}]}
        case Failover(role):
            return {"failoverRoutingPolicies": [{"type": role}]}
        case Geolocation(code):
            place = geo_location(code)
            keys = {"CountryCode": "country", "ContinentCode": "continent"}
            return {"geolocationRoutingPolicies": [{keys[key]: value for key, value in place.items()}]}
        case None:
            return {}
