"""Answers DNS questions from Route53's record sets, as Route53 would: proves that a record plan keeps its
promises.

Reads the dictionaries of `list_resource_record_sets` (boto3). The rules and where they are written:

- a record is healthy when its health check is, or when it has none; an alias that evaluates its target's
  health also needs a healthy record under the target's name ("How Amazon Route 53 chooses records when health
  checking is configured", developer guide; ResourceRecordSet.HealthCheckId, API reference);
- a group without a healthy record is treated as if all of them were healthy (same page);
- weighted: records of weight 0 are considered only when no healthy one has more, or when all have 0 (same
  page);
- failover: the secondary answers only when it is healthy and the primary is not (ResourceRecordSet.Failover);
- geolocation: of country, continent and default the first healthy one; when none of those is, the smallest;
  no answer when none exists ("Values specific for geolocation records"; states of the USA are not supported
  here);
- latency: the record whose AWS region is nearest to the client.

Simplified: TTLs, caches and the time that health checks take do not exist. Only CNAME records are read, and
with `kind` those of one more type, where they are aliases: an alias to a load balancer is the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from plan.external_dns import is_aws_alias_target
from plan.route53 import RecordSet, canonical, routing_keys

Path = tuple[str, ...]

_ONE = Fraction(1)
_DEFAULT_PLACE = ("CountryCode", "*")


class ResolveError(ValueError):
    """The records cannot answer, or Route53 would not have accepted them."""


class UnknownName(ResolveError):
    """No CNAME record set has the name that was asked for, or that an alias names."""


class AliasLoop(ResolveError):
    """An alias leads back to itself."""


class MixedPolicies(ResolveError):
    """Records of one name have different routing policies, or one record has several."""


class DuplicateRecord(ResolveError):
    """Two records of one name have the same set identifier, or stand for the same place, region or role."""


@dataclass(frozen=True, kw_only=True)
class Client:
    """Who asks. `country` is ISO 3166-1 alpha-2 and `continent` a Route53 code, None where Route53 knows
    none; `nearest` lists AWS regions by latency, the nearest first.
    """

    country: str | None
    continent: str | None
    nearest: tuple[str, ...]


class _Policy(Enum):
    """Routing policies, each by the key of a record set that says so."""

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
    """The targets that `client` is sent to when it asks for `name`, each with its probability.

    `healthy` says of a health check's id whether it passes. Empty when Route53 has no answer (NODATA). Names
    come back in lower case without a trailing dot. A target is the answer also when it is a name of the same
    zone. `kind` is the record type that the client asks for; a CNAME answers every type. Raises subclasses of
    ResolveError.
    """
    answer: defaultdict[str, Fraction] = defaultdict(Fraction)
    for target, probability in _Zone(record_sets, client, healthy, kind).walk(canonical(name), _ONE, ()):
        answer[target] += probability
    return dict(answer)


class _Zone:
    """The record sets by name, checked as Route53 checks them, seen by one client in one state of health."""

    def __init__(
        self, record_sets: Iterable[RecordSet], client: Client, healthy: Callable[[str], bool], kind: str
    ) -> None:
        self._client = client
        self._healthy = healthy
        self._groups: defaultdict[str, list[RecordSet]] = defaultdict(list)
        for record in record_sets:
            if record["Type"] in ("CNAME", kind):
                self._groups[canonical(record["Name"])].append(record)
        self._policies = {name: _policy_of_group(name, group) for name, group in self._groups.items()}

    def walk(self, name: str, probability: Fraction, path: Path) -> Iterable[tuple[str, Fraction]]:
        """Every target below `name` with its probability; `path` is the names that led here."""
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
            asked = f" (alias of {path[-1]})" if path else ""
            raise UnknownName(f"no CNAME record set has the name {name}{asked}")
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
        group, policy = self._groups[name], self._policies[name]
        if policy is _Policy.SIMPLE:
            return [(group[0], _ONE)]
        if policy is _Policy.GEOLOCATION:
            group = self._applicable(group)
            if not group:
                return []
        candidates = [record for record in group if self._is_healthy(record, path)] or group
        match policy:
            case _Policy.WEIGHTED:
                return _by_weight(candidates)
            case _Policy.LATENCY:
                return [(min(candidates, key=self._distance), _ONE)]
            case _Policy.FAILOVER:
                return [(min(candidates, key=lambda record: str(record["Failover"])), _ONE)]
            case _Policy.GEOLOCATION:
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


def _policy_of_group(name: str, group: Sequence[RecordSet]) -> _Policy:
    if len({record["Type"] for record in group}) > 1:
        raise ResolveError(f"{name}: a CNAME record set beside one of another type")
    policies = {policy for record in group for policy in _policies_of(record)}
    if len(policies) > 1 or any(len(_policies_of(record)) > 1 for record in group):
        raise MixedPolicies(f"{name}: several routing policies: {sorted(policy.name for policy in policies)}")
    policy = policies.pop()
    _refuse_duplicates(name, "set identifier", [record.get("SetIdentifier") for record in group])
    if policy is _Policy.GEOLOCATION:
        _refuse_duplicates(name, "place", [_place(record) for record in group])
    elif policy in (_Policy.LATENCY, _Policy.FAILOVER):
        _refuse_duplicates(name, policy.name.lower(), [record[policy.value] for record in group])
    return policy


def _policies_of(record: RecordSet) -> list[_Policy]:
    return [_Policy(key) for key in routing_keys(record)] or [_Policy.SIMPLE]


def _place(record: RecordSet) -> tuple[str, str]:
    location = record["GeoLocation"]
    if location.get("SubdivisionCode") is not None:
        raise ResolveError(f"{record['Name']}: subdivisions are not supported here")
    key = "ContinentCode" if location.get("ContinentCode") is not None else "CountryCode"
    return key, location[key]


def _refuse_duplicates(name: str, what: str, values: Sequence[object]) -> None:
    if len(set(values)) < len(values):
        raise DuplicateRecord(f"{name}: two records have the same {what}: {values}")


def _value(name: str, record: RecordSet) -> str:
    if alias := record.get("AliasTarget"):
        return canonical(alias["DNSName"])
    values = record.get("ResourceRecords") or []
    if len(values) != 1:
        raise ResolveError(f"{name}: a CNAME record has one value, came {len(values)}")
    return canonical(values[0]["Value"])
