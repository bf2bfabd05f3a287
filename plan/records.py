"""The values of a DNS record plan, and a record in the format of Route53's API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from plan.geo import COUNTRY_PREFIX, DEFAULT

LEAF_TTL = 20  # seconds
KEPT_ANSWER_SECONDS = 300
"""For so long some clients keep a DNS answer, whatever its TTL."""


class RoutingPolicy(StrEnum):
    LATENCY = "latency"
    WEIGHTED = "weighted"
    GEO = "geo"
    FAILOVER = "failover"


@dataclass(frozen=True, kw_only=True)
class RegionRoute:
    """A region of the stack. `weight` is 0 to 255; `geo` has codes such as `default`, `EU`, `country:TR`."""

    name: str
    active: bool
    weight: int
    geo: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CompanyRoute:
    """A company: its regions (the order matters only for policy `failover`) and its edge. A dedicated company
    has its own tree and health checks.
    """

    namespace: str
    regions: tuple[str, ...]
    edge: int = 1
    dedicated: bool = False


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """A check of `https://<fqdn><path>`. `key` is unique in a stack."""

    key: str
    fqdn: str
    path: str


@dataclass(frozen=True)
class Latency:
    region: str


@dataclass(frozen=True)
class Weighted:
    weight: int


@dataclass(frozen=True)
class Failover:
    role: Literal["PRIMARY", "SECONDARY"]


@dataclass(frozen=True)
class Geolocation:
    code: str


Routing = Latency | Weighted | Failover | Geolocation


@dataclass(frozen=True)
class Leaf:
    """A CNAME's value and its time to live in seconds."""

    value: str
    ttl: int = LEAF_TTL


@dataclass(frozen=True)
class Alias:
    """Another name of the same zone; its health is always evaluated."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """One CNAME record set. `name` has no trailing dot; `check` is the key of a leaf's health check."""

    name: str
    set_identifier: str | None
    routing: Routing | None
    target: Leaf | Alias
    check: str | None


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The records that companies of one shape share, sorted by name. `name` is the root, which companies
    alias.
    """

    digest: str
    name: str
    records: tuple[Record, ...]


@dataclass(frozen=True, kw_only=True)
class RecordPlan:
    """All health checks and records of a stack, in an order that does not depend on the order of its
    settings.
    """

    checks: tuple[HealthCheck, ...]
    trees: tuple[Tree, ...]
    companies: dict[str, Record]

    @property
    def records(self) -> tuple[Record, ...]:
        """Every record of the plan: those of the trees, then the companies' aliases."""
        return (*(record for tree in self.trees for record in tree.records), *self.companies.values())


def to_api(record: Record, check_ids: Mapping[str, str], zone_id: str) -> dict[str, Any]:
    """The ResourceRecordSet of Route53's API. `check_ids` maps keys of health checks to their ids."""
    result: dict[str, Any] = {"Name": f"{record.name}.", "Type": "CNAME"}
    if record.set_identifier is not None:
        result["SetIdentifier"] = record.set_identifier
    match record.routing:
        case Latency(region):
            result["Region"] = region
        case Weighted(weight):
            result["Weight"] = weight
        case Failover(role):
            result["Failover"] = role
        case Geolocation(code):
            result["GeoLocation"] = geo_location(code)
    match record.target:
        case Leaf(value, ttl):
            result |= {"TTL": ttl, "ResourceRecords": [{"Value": value}]}
        case Alias(name):
            result["AliasTarget"] = {
                "HostedZoneId": zone_id,
                "DNSName": f"{name}.",
                "EvaluateTargetHealth": True,
            }
    if record.check is not None:
        result["HealthCheckId"] = check_ids[record.check]
    return result


def geo_location(code: str) -> dict[str, str]:
    """A geo code in the format of Route53's API, where `*` is every place without a record of its own."""
    if code == DEFAULT:
        return {"CountryCode": "*"}
    if code.startswith(COUNTRY_PREFIX):
        return {"CountryCode": code.removeprefix(COUNTRY_PREFIX)}
    return {"ContinentCode": code}
