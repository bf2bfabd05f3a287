"""The records of Route53: a program of each routing policy, an update, a drift and a replacement."""

from __future__ import annotations

from tests.aws_provider.cases import ZONE, Case, Values

ROUTING_POLICIES = {
    "weighted": ("weightedRoutingPolicies", {"weight": 10}, {"weight": 0}, {"Weight": 10}, {"Weight": 99}),
    "latency": (
        "latencyRoutingPolicies",
        {"region": "us-east-1"},
        {"region": "eu-west-1"},
        {"Region": "us-east-1"},
        {"Region": "eu-central-1"},
    ),
    "failover": (
        "failoverRoutingPolicies",
        {"type": "PRIMARY"},
        {"type": "SECONDARY"},
        {"Failover": "PRIMARY"},
        {"Failover": "SECONDARY"},
    ),
    "geo": (
        "geolocationRoutingPolicies",
        {"country": "TR"},
        {"continent": "EU"},
        {"GeoLocation": {"CountryCode": "TR"}},
        {"GeoLocation": {"CountryCode": "*"}},
    ),
}
"""A key of the record, its value in the program and in the update; the program's value in Route53's API, and
what somebody else changes it to.
"""


def records(name: str, check: str = "") -> dict[str, Case]:
    """`check` is the id of a health check that exists; a record `to.<name>` has to exist, too."""
    base = {"zoneId": ZONE, "name": f"{name}.example.com", "type": "CNAME"}
    leaf = base | {"records": ["target.example.com"], "ttl": 20}
    target = {"zoneId": ZONE, "name": f"to.{name}.example.com", "evaluateTargetHealth": True}
    alias = base | {"aliases": [target]}
    silent = base | {"aliases": [target | {"evaluateTargetHealth": False}]}
    to = {"HostedZoneId": ZONE, "DNSName": f"to.{name}.example.com", "EvaluateTargetHealth": True}
    values = {"TTL": 20, "ResourceRecords": [{"Value": "target.example.com"}]}
    routed = leaf | {"setIdentifier": "one", "healthCheckId": check}
    identified = {"SetIdentifier": "one"}
    return {
        "plain": record(name, leaf, leaf | {"ttl": 30}, "ttl", values),
        "alias": record(name, alias, silent, "aliases", {"AliasTarget": to}),
    } | {
        kind: record(
            name,
            routed | {key: [program]},
            routed | {key: [update]},
            f"{key}[0].{next(iter(program))}",
            values | identified | {"HealthCheckId": check} | api,
            identified | drift,
        )
        for kind, (key, program, update, api, drift) in ROUTING_POLICIES.items()
    }


def record(
    name: str, program: Values, update: Values, drifted: str, created: Values, drift: Values | None = None
) -> Case:
    """`created` and `drift`: what Route53's API has after the creation, and what somebody else changes."""
    key = {"Name": f"{name}.example.com", "Type": "CNAME"}
    other = {"TTL": 77, "ResourceRecords": [{"Value": "x.example.com"}]} | (drift or {})
    return Case(
        program=program,
        update=update,
        drift=("route53", "change_resource_record_sets", batch("UPSERT", key | other)),
        drifted=drifted,
        removal=("route53", "change_resource_record_sets", batch("DELETE", key | created)),
        replace=program | {"name": f"other.{name}.example.com"},
    )


def batch(action: str, record: Values) -> Values:
    return {
        "HostedZoneId": ZONE,
        "ChangeBatch": {"Changes": [{"Action": action, "ResourceRecordSet": record}]},
    }
