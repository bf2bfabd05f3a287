"""What Route53 requires of a single record set, independent of its zone.

Record sets are the dictionaries of boto3's `list_resource_record_sets`. The rules are those of the API
reference (ResourceRecordSet, AliasTarget, GeoLocation) and of the developer guide ("Supported DNS record
types", "DNS domain name format").
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any

from plan.geo import CONTINENTS, COUNTRY_PREFIX, is_geo_code

RecordSet = Mapping[str, Any]

ROUTING_KEYS = (
    "Weight",
    "Region",
    "Failover",
    "GeoLocation",
    "MultiValueAnswer",
    "CidrRoutingConfig",
    "GeoProximityLocation",
)
"""A record set has the key of its routing policy; a simple record set has none of these keys."""
AWS_REGION = r"[a-z]{2,4}(-[a-z]+)+-\d+"
_TYPES = (
    *("A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS"),
    *("PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT"),
)
_SIMPLE_ONLY = {"DS", "NS", "SOA"}
_ONE_VALUE = ("Weight", "Region")
"""Routing policies whose record sets have a single value."""
_CLOUDFRONT = "Z2FDTNDATAQYW2"
"""The zone of all CloudFront distributions."""
_LONGEST_TTL = 2**31 - 1
NAME_LIMIT, LABEL_LIMIT, _IDENTIFIER_LIMIT, _TEXT_LIMIT = 255, 63, 128, 255
"""Bytes of a name and of a label, characters of a set identifier and of a string."""
_WEIGHTS = 255


def canonical(name: str) -> str:
    r"""Lower case, no trailing dot, and Route53's escapes read (`\052` is `*`, three octal digits)."""
    return re.sub(r"\\([0-3][0-7]{2})", lambda match: chr(int(match[1], 8)), name).rstrip(".").lower()


def routing_keys(record: RecordSet) -> list[str]:
    return [key for key in ROUTING_KEYS if record.get(key) is not None]


def problems_of(record: RecordSet) -> Iterator[str]:
    kind, keys, alias = record["Type"], routing_keys(record), record.get("AliasTarget")
    if kind not in _TYPES:
        yield f"Type must be one of {', '.join(_TYPES)}, got {kind}"
    yield from _name_problems(record["Name"], kind)
    identifier = record.get("SetIdentifier")
    if bool(keys) != (identifier is not None):
        yield "a record set must have both a routing policy and a set identifier, or neither"
    if identifier is not None and not 0 < len(identifier) <= _IDENTIFIER_LIMIT:
        yield f"SetIdentifier must have 1 to {_IDENTIFIER_LIMIT} characters, got {len(identifier)}"
    if (keys and kind in _SIMPLE_ONLY) or ("MultiValueAnswer" in keys and (kind == "CNAME" or alias)):
        yield f"{'an alias' if alias else kind} cannot have the routing policy {', '.join(keys)}"
    yield from _routing_problems(record)
    values, ttl = record.get("ResourceRecords"), record.get("TTL")
    if (alias, bool(values), ttl is not None) == (None, True, True):
        yield from _value_problems(record)
    elif alias is None or values or ttl is not None:
        yield "a record set must have either an alias target, or values and a TTL"
    else:
        yield from _alias_problems(kind, alias)


def _name_problems(name: str, kind: str) -> Iterator[str]:
    labels = canonical(name).split(".")
    if len(canonical(name)) > NAME_LIMIT or any(not 0 < len(label) <= LABEL_LIMIT for label in labels):
        yield f"a name must have at most {NAME_LIMIT} bytes, in labels of 1 to {LABEL_LIMIT}"
    if labels[0] == "*" and kind == "NS":
        yield "an NS record set cannot have a wildcard's name"


def _routing_problems(record: RecordSet) -> Iterator[str]:
    if not 0 <= record.get("Weight", 0) <= _WEIGHTS:
        yield f"Weight must be 0 to {_WEIGHTS}, got {record['Weight']}"
    if (region := record.get("Region")) is not None and not re.fullmatch(AWS_REGION, region):
        yield f"Region must be one of AWS's regions, got {region}"
    if (role := record.get("Failover")) not in (None, "PRIMARY", "SECONDARY"):
        yield f"Failover must be one of PRIMARY, SECONDARY, got {role}"
    if (place := record.get("GeoLocation")) is not None and not _is_place(place):
        yield f"GeoLocation must be one of a continent, a country, a state of the US, got {dict(place)}"


def _is_place(place: Mapping[str, str]) -> bool:
    match dict(place):
        case {"ContinentCode": code, **rest}:
            return code in CONTINENTS and not rest
        case {"CountryCode": "US", "SubdivisionCode": state, **rest}:
            return re.fullmatch("[A-Z]{2}", state) is not None and not rest
        case {"CountryCode": code, **rest}:
            return (code == "*" or is_geo_code(COUNTRY_PREFIX + code)) and not rest
    return False


def _alias_problems(kind: str, alias: Mapping[str, Any]) -> Iterator[str]:
    if kind in ("NS", "SOA"):
        yield f"an alias cannot have the type {kind}"
    if alias["HostedZoneId"] == _CLOUDFRONT and alias.get("EvaluateTargetHealth"):
        yield "the health of a CloudFront distribution cannot be evaluated"


def _value_problems(record: RecordSet) -> Iterator[str]:
    kind, values = record["Type"], [str(value["Value"]) for value in record["ResourceRecords"]]
    if not 0 <= int(record["TTL"]) <= _LONGEST_TTL:
        yield f"TTL must be 0 to {_LONGEST_TTL} seconds, got {record['TTL']}"
    if duplicates := sorted(value for value, times in Counter(values).items() if times > 1):
        yield f"values must be unique, got duplicates of {', '.join(duplicates)}"
    if kind == "CNAME" and len(values) > 1:
        yield f"a CNAME must have a single value, got {len(values)}"
    if len(values) > 1 and any(record.get(key) is not None for key in _ONE_VALUE):
        yield f"a weighted or latency record set must have a single value, got {len(values)}"
    accepted, syntax = _SYNTAX.get(kind, (lambda value: True, ""))
    yield from (
        f"a value of type {kind} must be {syntax}, got {value}" for value in values if not accepted(value)
    )


def _is_address(family: type[IPv4Address] | type[IPv6Address]) -> Callable[[str], bool]:
    def accepts(value: str) -> bool:
        try:
            return bool(family(value))
        except AddressValueError:
            return False

    return accepts


def _is_host(value: str) -> bool:
    labels = canonical(value).split(".")
    return len(value) <= NAME_LIMIT and all(re.fullmatch(r"[!-~]{1,63}", label) for label in labels)


def _is_text(value: str) -> bool:
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', value)
    return bool(re.fullmatch(r'\s*("(?:[^"\\]|\\.)*"\s*)+', value)) and all(
        len(string) <= _TEXT_LIMIT for string in strings
    )


_SYNTAX: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "A": (_is_address(IPv4Address), "an IPv4 address"),
    "AAAA": (_is_address(IPv6Address), "an IPv6 address"),
    "CNAME": (_is_host, "a host name"),
    "TXT": (_is_text, f"one or more strings of up to {_TEXT_LIMIT} characters in quotation marks"),
}
