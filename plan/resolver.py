"""Answers DNS queries from Route53's record sets as Route53 does, to test record plans.

Reads the dictionaries of `list_resource_record_sets` (boto3). The rules and their sources:

- a record is healthy when its health check is healthy or absent; an alias that evaluates its target's health
  also needs a healthy record under the target's name ("How Amazon Route 53 chooses records when health
  checking is configured", developer guide; ResourceRecordSet.HealthCheckId, API reference);
- a group without a healthy record counts as healthy (same page);
- weighted: records of weight 0 count only when no healthy record has more, or when all have 0 (same page);
- failover: the secondary answers only when it is healthy and the primary is not (ResourceRecordSet.Failover);
- geolocation: the first healthy record of country, continent and default; without a healthy record, the
  smallest place; no answer without a record ("Values specific for geolocation records"; states of the USA are
  not supported here);
- latency: the record whose AWS region is nearest to the client.

Simplified: there are no TTLs, no caches, and health checks take no time. Only CNAME records are read, and
aliases of the type `kind`: an alias to a load balancer is an answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from plan.external_dns import is_aws_alias_target
from plan.record_sets import RecordSet, canonical, routing_keys
from plan.route53 import rejections

Path = tuple[str, ...]

_ONE = Fraction(1)
_DEFAULT_PLACE = ("CountryCode", "*")


class ResolveError(ValueError):
    """The records have no answer, or Route53 would not accept them."""


class UnknownName(ResolveError):
    """No CNAME record set has the name of the query, or of an alias's target."""


class AliasLoop(ResolveError):
    """An alias leads back to itself."""


@dataclass(frozen=True, kw_only=True)
class Client:
    """`country` is ISO 3166-1 alpha-2 and `continent` a Route53 code, None where Route53 does not know it;
    `nearest` lists AWS regions by latency, the nearest first.
    """

    country: str | None
    continent: str | None
    nearest: tuple[str, ...]


class _Routing(Enum):
    """Routing policies; each value is the key of a record set with that policy."""

    WEIGHTED = "Weight"
    LATENCY = "Region"
    FAILOVER = "Failover"
    GEOLOCATION = "GeoLocation"
    MULTIVALUE = "MultiValueAnswer"
    IP_BASED = "CidrRoutingConfig"
    GEOPROXIMITY = "GeoProximityLocation"
    SIMPLE = ""


def resolve(
    record_sets: Iterable[RecordSet],
    name: str,
    client: Client,
    healthy: Callable[[str], bool],
    kind: str = "CNAME",
) -> dict[str, Fraction]:
    """The targets that a query of `client` for `name` returns, each with its probability.

    `healthy` maps a health check's id to its state. The result is empty when Route53 has no answer (NODATA).
    Names are in lower case without a trailing dot. A CNAME's target is an answer also when it is a name of
    the same zone. `kind` is the queried record type; a CNAME answers every type. Raises subclasses of
    ResolveError.
    """
    answer: defaultdict[str, Fraction] = defaultdict(Fraction)
    for target, probability in _Zone(record_sets, client, healthy, kind).walk(canonical(name), _ONE, ()):
        answer[target] += probability
    return dict(answer)


class _Zone:
    """The record sets by name, checked as Route53 checks them, for one client and one state of health."""

    def __init__(
        self, record_sets: Iterable[RecordSet], client: Client, healthy: Callable[[str], bool], kind: str
    ) -> None:
        self._client = client
        self._healthy = healthy
        self._groups: defaultdict[str, list[RecordSet]] = defaultdict(list)
        for record in record_sets:
            if record["Type"] in ("CNAME", kind):
                self._groups[canonical(record["Name"])].append(record)
        if problems := rejections([record for group in self._groups.values() for record in group]):
            raise ResolveError("; ".join(problems))

    def walk(self, name: str, probability: Fraction, path: Path) -> Iterable[tuple[str, Fraction]]:
        """Every target below `name` with its probability; `path` has the names from the query to here."""
        path = self._enter(name, path)
        for record, share in self._choose(name, path):
            alias = record.get("AliasTarget")
            if alias and not is_aws_alias_target(canonical(alias["DNSName"])):
                yield from self.walk(canonical(alias["DNSName"]), probability * share, path)
            else:
                yield _value(name, record), probability * share

    def _enter(self, name: str, path: Path) -> Path:
        if name in path:
            raise AliasLoop(f"alias loop: {' → '.join((*path, name))}")
        if name not in self._groups:
            origin = f" (alias of {path[-1]})" if path else ""
            raise UnknownName(f"no CNAME record set has the name {name}{origin}")
        return (*path, name)

    def _is_healthy(self, record: RecordSet, path: Path) -> bool:
        check = record.get("HealthCheckId")
        if check is not None and not self._healthy(check):
            return False
        alias = record.get("AliasTarget")
        if not alias or not alias["EvaluateTargetHealth"]:
            return True
        if is_aws_alias_target(canonical(alias["DNSName"])):
            raise ResolveError(f"{record['Name']}: the health of a load balancer is not known here")
        target = canonical(alias["DNSName"])
        path = self._enter(target, path)
        return any(self._is_healthy(below, path) for below in self._groups[target])

    def _choose(self, name: str, path: Path) -> Sequence[tuple[RecordSet, Fraction]]:
        group = self._groups[name]
        policy = _routing_of(group[0])
        if policy is _Routing.SIMPLE:
            return [(group[0], _ONE)]
        if policy is _Routing.GEOLOCATION:
            group = self._applicable(group)
            if not group:
                return []
        candidates = [record for record in group if self._is_healthy(record, path)] or group
        match policy:
            case _Routing.WEIGHTED:
                return _by_weight(candidates)
            case _Routing.LATENCY:
                return [(min(candidates, key=self._distance), _ONE)]
            case _Routing.FAILOVER:
                return [(min(candidates, key=lambda record: str(record["Failover"])), _ONE)]
            case _Routing.GEOLOCATION:
                return [(candidates[0], _ONE)]
        raise ResolveError(f"{name}: the routing policy of {policy.value} is not supported here")

    def _applicable(self, group: Sequence[RecordSet]) -> list[RecordSet]:
        """The geolocation records that match the client, the smallest place first."""
        by_place = {_place(record): record for record in group}
        client = self._client
        places = [("CountryCode", client.country), ("ContinentCode", client.continent), _DEFAULT_PLACE]
        return [by_place[place] for place in places if place in by_place]

    def _distance(self, record: RecordSet) -> int:
        if record["Region"] not in self._client.nearest:
            raise ResolveError(
                f"the client's nearest regions lack {record['Region']}: {self._client.nearest}"
            )
        return self._client.nearest.index(record["Region"])


def _by_weight(candidates: Sequence[RecordSet]) -> Sequence[tuple[RecordSet, Fraction]]:
    total = sum(record["Weight"] for record in candidates)
    if total == 0:
        return [(record, Fraction(1, len(candidates))) for record in candidates]
    return [(record, Fraction(record["Weight"], total)) for record in candidates if record["Weight"] > 0]


def _routing_of(record: RecordSet) -> _Routing:
    return _Routing(next(iter(routing_keys(record)), ""))


def _place(record: RecordSet) -> tuple[str, str]:
    location = record["GeoLocation"]
    if location.get("SubdivisionCode") is not None:
        raise ResolveError(f"{record['Name']}: subdivisions are not supported here")
    key = "ContinentCode" if location.get("ContinentCode") is not None else "CountryCode"
    return key, location[key]


def _value(name: str, record: RecordSet) -> str:
    if alias := record.get("AliasTarget"):
        return canonical(alias["DNSName"])
    values = record.get("ResourceRecords") or []
    if len(values) != 1:
        raise ResolveError(f"{name}: a CNAME record must have a single value, got {len(values)}")
    return canonical(values[0]["Value"])
