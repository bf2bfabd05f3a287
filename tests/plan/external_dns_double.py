"""What external-dns 0.22 makes of an Ingress's annotations in Route53, as its provider/aws/aws.go does.

Stands in for the program itself: the annotations and the target go in, record sets come out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from plan.route53 import Change, RecordSet, Zone

DEFAULT_TTL = 300
LOAD_BALANCER = re.compile(
    r".*\.([a-z]+-[a-z]+-\d\.elb|elb\.[a-z]+-[a-z]+-\d)\.amazonaws\.com|.*\.cloudfront\.net"
)
"""Written out here once more, so that a test does not ask the program what to expect of it."""


def load_balancer(region: str, edge: int = 1) -> str:
    """The hostname that the AWS Load Balancer Controller writes into an Ingress's status."""
    return f"k8s-edge{edge}-0123456789.{region}.elb.amazonaws.com"


def as_external_dns_would(
    keys: Mapping[str, str], hostname: str, *, prefer_cname: bool = False
) -> list[dict[str, Any]]:
    """The record sets of one Ingress. `keys` are its annotations without their prefix; `hostname` is its
    load balancer's, which the annotation `target` replaces.
    """
    if keys.get("controller", "dns-controller") != "dns-controller":
        return []
    target = keys.get("target", hostname)
    common = {"Name": f"{keys['hostname']}.", **_routing(keys)}
    if prefer_cname or not LOAD_BALANCER.fullmatch(target):
        ttl = int(keys.get("ttl", DEFAULT_TTL))
        return [{**common, "Type": "CNAME", "TTL": ttl, "ResourceRecords": [{"Value": target}]}]
    alias = {
        "HostedZoneId": "Z35SXDOTRQ7X7K",
        "DNSName": f"{target}.",
        "EvaluateTargetHealth": keys.get("aws-evaluate-target-health", "true") == "true",
    }
    return [{**common, "Type": kind, "AliasTarget": alias} for kind in ("A", "AAAA")]


def _routing(keys: Mapping[str, str]) -> dict[str, Any]:
    texts = {
        "SetIdentifier": "set-identifier",
        "HealthCheckId": "aws-health-check-id",
        "Region": "aws-region",
        "Failover": "aws-failover",
    }
    found: dict[str, Any] = {name: keys[key] for name, key in texts.items() if key in keys}
    if "aws-weight" in keys:
        found["Weight"] = int(keys["aws-weight"])
    places = {
        "ContinentCode": "aws-geolocation-continent-code",
        "CountryCode": "aws-geolocation-country-code",
    }
    if place := {name: keys[key] for name, key in places.items() if key in keys}:
        found["GeoLocation"] = place
    return found


def reconcile(zone: Zone, owned: list[RecordSet], wanted: list[RecordSet]) -> None:
    """One run of one instance: what it owns becomes what its Ingresses want, in one batch. Raises Refused."""
    changes: list[Change] = [("DELETE", record) for record in owned]
    zone.change(*changes, *(("CREATE", record) for record in wanted))
