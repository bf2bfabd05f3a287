"""A zone's record sets, and the batches of changes that Route53 rejects.

Record sets are the dictionaries of boto3's `list_resource_record_sets`. The rules are those of the API
reference (ChangeResourceRecordSets, ResourceRecordSet) and of the developer guide ("Supported DNS record
types", CNAME: no other record may have the name). A batch is all or nothing, and is checked by the state that
it leads to. `plan.record_sets` has the rules for a single record set.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, Literal

from plan.record_sets import RecordSet, canonical, problems_of, routing_keys

Change = tuple[Literal["CREATE", "UPSERT", "DELETE"], RecordSet]
Key = tuple[str, str, str | None]
"""Name, type and set identifier: no two record sets of a zone share all three."""

_UNIQUE = ("Region", "Failover", "GeoLocation")
"""Routing policies whose values must be unique among the record sets of one name and type."""
_GROUP_LIMIT = 100
"""Record sets of one name and type."""
_APEX = ("NS", "SOA")
"""Types of the record sets that every zone has for its own name."""


class Rejected(ValueError):
    """Route53 does not accept a batch of changes; the message says why."""


class Zone:
    """The record sets of a hosted zone.

    Optional arguments enable further checks: `zone_id` (aliases within the zone), `zones`, the ids of all
    zones of the account (aliases to other zones), `name`, the zone's domain, and `health_checks`, the ids of
    those that exist.
    """

    def __init__(
        self,
        record_sets: Iterable[RecordSet] = (),
        zone_id: str = "",
        *,
        name: str = "",
        zones: Container[str] = (),
        health_checks: Container[str] | None = None,
    ) -> None:
        self._zone_id, self._zones, self._name = zone_id, zones, canonical(name)
        self._health_checks = health_checks
        self._records: dict[Key, RecordSet] = {}
        self.change(*(("CREATE", record) for record in record_sets))

    @property
    def record_sets(self) -> tuple[RecordSet, ...]:
        return tuple(self._records.values())

    def change(self, *changes: Change) -> None:
        """Apply a batch. Raises Rejected, and then changes nothing."""
        after = dict(self._records)
        problems: list[str] = []
        for action, record in changes:
            problems.extend(self._problems_of_change(action, record, after))
            if action == "DELETE":
                after.pop(key_of(record), None)
            else:
                after[key_of(record)] = record
        problems.extend(_repeated(changes))
        names = {canonical(record["Name"]) for _, record in changes}
        problems.extend(rejections([record for key, record in after.items() if key[0] in names]))
        if self._zone_id:
            problems.extend(self._lost_aliases(after.values()))
        if problems:
            raise Rejected("; ".join(dict.fromkeys(problems)))
        self._records = after

    def _problems_of_change(
        self, action: str, record: RecordSet, existing: dict[Key, RecordSet]
    ) -> Iterator[str]:
        """Messages that clients parse are Route53's own."""
        key = key_of(record)
        if action == "CREATE" and key in existing:
            yield f"Tried to create resource record set {_quoted(key)} but it already exists"
        if action == "DELETE" and key not in existing:
            yield f"Tried to delete resource record set {_quoted(key)} but it was not found"
        elif action == "DELETE" and _values(existing[key]) != _values(record):
            reason = "but the values provided do not match the current values"
            yield f"Tried to delete resource record set {_quoted(key)} {reason}"
        if action == "DELETE":
            if self._name and key[0] == self._name and key[1] in _APEX:
                yield f"{_named(key)}: a zone keeps its own {key[1]} record set"
            return
        yield from (f"{_named(key)}: {problem}" for problem in problems_of(record))
        if self._name and not f".{key[0]}".endswith(f".{self._name}"):
            yield f"{_named(key)}: the zone is for names in {self._name}"
        if self._name == key[0] and key[1] == "CNAME":
            yield f"{_named(key)}: the name of the zone itself cannot have a CNAME"
        check = record.get("HealthCheckId")
        if check is not None and self._health_checks is not None and check not in self._health_checks:
            yield f"{_named(key)}: no health check has the id {check}"
        alias = record.get("AliasTarget")
        if alias and alias["HostedZoneId"] != self._zone_id and alias["HostedZoneId"] in self._zones:
            yield f"{_named(key)}: alias to {alias['DNSName']} in another hosted zone"

    def _lost_aliases(self, record_sets: Iterable[RecordSet]) -> Iterator[str]:
        records = list(record_sets)
        existing = {key_of(record)[:2] for record in records}
        for record in records:
            alias = record.get("AliasTarget")
            if alias and alias["HostedZoneId"] == self._zone_id:
                target = canonical(alias["DNSName"])
                if (target, record["Type"]) not in existing:
                    kind = record["Type"]
                    yield f"{_named(key_of(record))}: alias to {target}, which has no {kind} record set"


def rejections(record_sets: Sequence[RecordSet]) -> list[str]:
    """Why Route53 does not accept these record sets together; empty if it does."""
    by_name: defaultdict[str, defaultdict[str, list[RecordSet]]] = defaultdict(lambda: defaultdict(list))
    for record in record_sets:
        by_name[canonical(record["Name"])][record["Type"]].append(record)
    problems = []
    for name, by_type in by_name.items():
        if "CNAME" in by_type and len(by_type) > 1:
            others = ", ".join(sorted(set(by_type) - {"CNAME"}))
            problems.append(f"{name}: CNAME beside {others}")
        for kind, group in by_type.items():
            problems.extend(f"{name} {kind}: {problem}" for problem in _problems_of_group(group))
    return problems


def key_of(record: RecordSet) -> Key:
    return canonical(record["Name"]), record["Type"], record.get("SetIdentifier")


def _problems_of_group(group: Sequence[RecordSet]) -> Iterator[str]:
    """Problems of the record sets of one name and type."""
    policies = {tuple(routing_keys(record)) or ("simple",) for record in group}
    if len(policies) > 1 or any(len(policy) > 1 for policy in policies):
        names = sorted({key for policy in policies for key in policy})
        yield f"several routing policies: {', '.join(names)}"
    for what, values in (
        ("set identifier", [record.get("SetIdentifier") for record in group]),
        *(
            (key, [_hashable(record[key]) for record in group if key in routing_keys(record)])
            for key in _UNIQUE
        ),
    ):
        if duplicates := sorted(str(value) for value, times in Counter(values).items() if times > 1):
            yield f"two record sets with {what} {', '.join(duplicates)}"
    if len(group) > _GROUP_LIMIT:
        yield f"at most {_GROUP_LIMIT} record sets, got {len(group)}"


def _repeated(changes: Sequence[Change]) -> Iterator[str]:
    """A batch may change a record set only once, except to delete it and create it anew."""
    actions: defaultdict[Key, list[str]] = defaultdict(list)
    for action, record in changes:
        actions[key_of(record)].append(action)
    for key, several in actions.items():
        if len(several) > 1 and several != ["DELETE", "CREATE"]:
            yield f"{_named(key)}: a batch changes a record set once, got {', '.join(several)}"


def _values(record: RecordSet) -> dict[str, Any]:
    """The values that a deletion has to repeat, with names in canonical form."""
    values = {key: value for key, value in record.items() if value not in (None, [])}
    values["Name"] = canonical(record["Name"])
    if "ResourceRecords" in values:
        values |= {
            "TTL": int(record["TTL"]),
            "ResourceRecords": sorted(value["Value"] for value in values["ResourceRecords"]),
        }
    if alias := values.get("AliasTarget"):
        values["AliasTarget"] = {**alias, "DNSName": canonical(alias["DNSName"])}
    return values


def _hashable(value: Any) -> Any:
    return tuple(sorted(value.items())) if isinstance(value, dict) else value


def _named(key: Key) -> str:
    name, kind, identifier = key
    return f"{name} {kind}" + (f" ({identifier})" if identifier else "")


def _quoted(key: Key) -> str:
    name, kind, identifier = key
    suffix = f", set identifier='{identifier}'" if identifier else ""
    return f"[name='{name}.', type='{kind}'{suffix}]"
