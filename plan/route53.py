"""What Route53 refuses when record sets change: a zone's state, and batches of changes to it.

Record sets are the dictionaries of boto3's `list_resource_record_sets`. The rules are those of the API
reference (ChangeResourceRecordSets, ResourceRecordSet) and of the developer guide ("Supported DNS record
types", CNAME: no other record may have the name). A batch is all or nothing, and is judged by the state that
it leads to.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

RecordSet = Mapping[str, Any]
Change = tuple[Literal["CREATE", "UPSERT", "DELETE"], RecordSet]
Key = tuple[str, str, str | None]
"""Name, type and set identifier: no two record sets of a zone share all three."""

ROUTING_KEYS = (
    "Weight",
    "Region",
    "Failover",
    "GeoLocation",
    "MultiValueAnswer",
    "CidrRoutingConfig",
    "GeoProximityLocation",
)
"""A record set has the key of its routing policy; a simple one has none of them."""
_UNIQUE = ("Region", "Failover", "GeoLocation")
"""Policies of which no two record sets of one name and type may have the same value."""


class Refused(ValueError):
    """Route53 would not accept a batch of changes; the message says why."""


class Zone:
    """The record sets of a hosted zone. `zone_id` tells aliases within the zone from those to other zones."""

    def __init__(self, record_sets: Iterable[RecordSet] = (), zone_id: str = "") -> None:
        self._zone_id = zone_id
        self._records: dict[Key, RecordSet] = {}
        self.change(*(("CREATE", record) for record in record_sets))

    @property
    def record_sets(self) -> tuple[RecordSet, ...]:
        return tuple(self._records.values())

    def change(self, *changes: Change) -> None:
        """Apply a batch. Raises Refused, and then changes nothing."""
        after = dict(self._records)
        found: list[str] = []
        for action, record in changes:
            key = key_of(record)
            if action == "CREATE" and key in after:
                found.append(f"{_named(key)}: CREATE of a record set that exists")
            if action == "DELETE" and after.get(key) != record:
                found.append(f"{_named(key)}: DELETE of a record set that does not exist with these values")
            if action == "DELETE":
                after.pop(key, None)
            else:
                after[key] = record
        found.extend(refusals(list(after.values()), self._zone_id))
        if found:
            raise Refused("; ".join(found))
        self._records = after


def refusals(record_sets: Sequence[RecordSet], zone_id: str = "") -> list[str]:
    """Why Route53 would not hold these record sets together; empty if it would."""
    by_name: defaultdict[str, defaultdict[str, list[RecordSet]]] = defaultdict(lambda: defaultdict(list))
    for record in record_sets:
        by_name[canonical(record["Name"])][record["Type"]].append(record)
    found = []
    for name, by_type in by_name.items():
        if "CNAME" in by_type and len(by_type) > 1:
            others = ", ".join(sorted(set(by_type) - {"CNAME"}))
            found.append(f"{name}: CNAME beside {others}")
        for kind, group in by_type.items():
            found.extend(f"{name} {kind}: {problem}" for problem in _problems_of_group(group))
    if zone_id:
        held = {(name, kind) for name, by_type in by_name.items() for kind in by_type}
        found.extend(_lost_aliases(record_sets, held, zone_id))
    return found


def key_of(record: RecordSet) -> Key:
    return canonical(record["Name"]), record["Type"], record.get("SetIdentifier")


def routing_keys(record: RecordSet) -> list[str]:
    return [key for key in ROUTING_KEYS if record.get(key) is not None]


def canonical(name: str) -> str:
    r"""Lower case, no trailing dot, and Route53's escapes read (`\052` is `*`, three octal digits)."""
    return re.sub(r"\\([0-3][0-7]{2})", lambda match: chr(int(match[1], 8)), name).rstrip(".").lower()


def _problems_of_group(group: Sequence[RecordSet]) -> Iterator[str]:
    """Of the record sets of one name and type."""
    policies = {tuple(routing_keys(record)) or ("simple",) for record in group}
    if len(policies) > 1 or any(len(policy) > 1 for policy in policies):
        names = sorted({key for policy in policies for key in policy})
        yield f"several routing policies: {', '.join(names)}"
    for what, values in (
        ("set identifier", [record.get("SetIdentifier") for record in group]),
        *((key, [_value(record[key]) for record in group if record.get(key) is not None]) for key in _UNIQUE),
    ):
        if twice := sorted(str(value) for value, times in Counter(values).items() if times > 1):
            yield f"two record sets with {what} {', '.join(twice)}"
    for record in group:
        yield from _problems_of_record(record)


def _problems_of_record(record: RecordSet) -> Iterator[str]:
    if bool(routing_keys(record)) != (record.get("SetIdentifier") is not None):
        yield "a routing policy needs a set identifier, and a simple record set has none"
    values = record.get("ResourceRecords") or []
    if (record.get("AliasTarget") is None) != (bool(values) and record.get("TTL") is not None):
        yield "either an alias target, or values and a TTL"
    if record["Type"] == "CNAME" and len(values) > 1:
        yield f"a CNAME has one value, got {len(values)}"
    if not 0 <= record.get("Weight", 0) <= 255:
        yield f"Weight must be 0 to 255, got {record['Weight']}"


def _lost_aliases(
    record_sets: Iterable[RecordSet], held: set[tuple[str, str]], zone_id: str
) -> Iterator[str]:
    for record in record_sets:
        alias = record.get("AliasTarget")
        if alias and alias["HostedZoneId"] == zone_id:
            target = canonical(alias["DNSName"])
            if (target, record["Type"]) not in held:
                yield f"{_named(key_of(record))}: alias to {target}, which has no {record['Type']} record set"


def _value(value: Any) -> Any:
    return tuple(sorted(value.items())) if isinstance(value, dict) else value


def _named(key: Key) -> str:
    name, kind, identifier = key
    return f"{name} {kind}" + (f" ({identifier})" if identifier else "")
