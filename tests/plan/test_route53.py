"""Each rule of Route53, and that it accepts every record of this program."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from plan.route53 import Rejected, Zone
from tests.plan.route_stacks import DOMAIN, ZONE, Stack, api_records, stacks

NAME = "www.example.com."
VALUES = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "CNAME": "host.example.net",
    "MX": "10 mail.example.com",
    "NS": "ns.example.net",
    "SOA": "ns.example.net. a.example.net. 1 7200 900 1209600 86400",
    "TXT": '"a" "b\\"c"',
}


def record(identifier: str | None = None, kind: str = "A", name: str = NAME, **more: Any) -> dict[str, Any]:
    found = {
        "Name": name,
        "Type": kind,
        "TTL": 20,
        "ResourceRecords": [{"Value": VALUES.get(kind, "")}],
        **more,
    }
    return found | ({} if identifier is None else {"SetIdentifier": identifier})


def alias(target: str, zone: str = ZONE, kind: str = "A", *, health: bool = False) -> dict[str, Any]:
    to = {"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": health}
    return {"Name": NAME, "Type": kind, "AliasTarget": to}


EU: dict[str, Any] = {"GeoLocation": {"ContinentCode": "EU"}}


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([record(kind="CNAME"), record()], "CNAME beside A"),
        ([record(kind="CNAME"), record(kind="TXT"), record(kind="MX")], "CNAME beside MX, TXT"),
        ([record("a", kind="CNAME", Weight=1), record("b", Weight=1)], "CNAME beside A"),
        (
            [record("a", Weight=1), record("b", Region="us-east-1")],
            "several routing policies: Region, Weight",
        ),
        ([record("a", Failover="PRIMARY"), record("b", **EU)], "several routing policies"),
        ([record(), record("b", Weight=1)], "several routing policies: Weight, simple"),
        ([record("a", Weight=1, Region="us-east-1")], "several routing policies: Region, Weight"),
        ([record("a", Failover="PRIMARY"), record("b", Failover="PRIMARY")], "with Failover PRIMARY"),
        ([record("a", Failover="SECONDARY"), record("b", Failover="SECONDARY")], "with Failover SECONDARY"),
        ([record("a", Region="us-east-1"), record("b", Region="us-east-1")], "with Region us-east-1"),
        ([record("a", **EU), record("b", **EU)], "with GeoLocation"),
        ([record("a", Weight=1), record("a", Weight=2)], "but it already exists"),
        ([record(), record()], "but it already exists"),
        ([record(), record(name="WWW.example.com")], "but it already exists"),
        ([record("a")], "must have both a routing policy and a set identifier, or neither"),
        ([record(Weight=1)], "must have both a routing policy and a set identifier, or neither"),
        ([record("a", Weight=256)], "Weight must be 0 to 255, got 256"),
        ([record(kind="CNAME", ResourceRecords=[{"Value": "a."}, {"Value": "b."}])], "a single value, got 2"),
        (
            [record() | alias("other.example.com.", "ZELB")],
            "must have either an alias target, or values and a TTL",
        ),
        ([{"Name": NAME, "Type": "A"}], "must have either an alias target, or values and a TTL"),
        (
            [alias("b.example.com.", "ZELB") | {"TTL": 20}],
            "must have either an alias target, or values and a TTL",
        ),
        ([record(ResourceRecords=[])], "must have either an alias target, or values and a TTL"),
        ([record(TTL=-1)], "TTL must be 0 to 2147483647 seconds, got -1"),
        ([record(ResourceRecords=[{"Value": "192.0.2.1"}] * 2)], "got duplicates of 192.0.2.1"),
        (
            [record(ResourceRecords=[{"Value": "host.example.net"}])],
            "must be an IPv4 address, got host.example.net",
        ),
        (
            [record(kind="AAAA", ResourceRecords=[{"Value": "192.0.2.1"}])],
            "must be an IPv6 address, got 192.0.2.1",
        ),
        ([record(kind="TXT", ResourceRecords=[{"Value": "heritage"}])], "in quotation marks, got heritage"),
        ([record(kind="TXT", ResourceRecords=[{"Value": f'"{"a" * 256}"'}])], "up to 255 characters"),
        ([record(kind="CNAME", ResourceRecords=[{"Value": "a b"}])], "must be a host name, got a b"),
        ([record(kind="ANAME")], "Type must be one of A, AAAA"),
        ([record(name=f"{'a' * 64}.example.com.")], "labels of 1 to 63"),
        ([record(name="a..example.com.")], "labels of 1 to 63"),
        ([record(name=f"{'a.' * 128}example.com.")], "at most 255 bytes"),
        ([record(kind="NS", name="*.example.com.")], "cannot have a wildcard's name"),
        ([record("", Weight=1)], "SetIdentifier must have 1 to 128 characters, got 0"),
        ([record("a" * 129, Weight=1)], "SetIdentifier must have 1 to 128 characters, got 129"),
        ([record("a", Region="mars")], "Region must be one of AWS's regions, got mars"),
        ([record("a", Failover="primary")], "Failover must be one of PRIMARY, SECONDARY, got primary"),
        ([record("a", GeoLocation={"CountryCode": "EU"})], "GeoLocation must be one of"),
        ([record("a", GeoLocation={"ContinentCode": "*"})], "GeoLocation must be one of"),
        (
            [record("a", GeoLocation={"ContinentCode": "EU", "CountryCode": "DE"})],
            "GeoLocation must be one of",
        ),
        (
            [record("a", GeoLocation={"CountryCode": "DE", "SubdivisionCode": "BY"})],
            "GeoLocation must be one of",
        ),
        ([record("a", GeoLocation={"SubdivisionCode": "NY"})], "GeoLocation must be one of"),
        ([record("a", kind="NS", Weight=1)], "NS cannot have the routing policy Weight"),
        ([record("a", kind="CNAME", MultiValueAnswer=True)], "CNAME cannot have the routing policy"),
        ([alias("lb.", "ZELB") | {"SetIdentifier": "a", "MultiValueAnswer": True}], "an alias cannot have"),
        ([alias("lb.", "ZELB", kind="SOA")], "an alias cannot have the type SOA"),
        ([alias("d.cloudfront.net.", "Z2FDTNDATAQYW2", health=True)], "CloudFront distribution cannot be"),
        ([record(str(number), Weight=1) for number in range(101)], "at most 100 record sets, got 101"),
        (
            [record("a", Weight=1, ResourceRecords=[{"Value": f"192.0.2.{host}"} for host in (1, 2)])],
            "a weighted or latency record set must have a single value, got 2",
        ),
        ([alias("nowhere.example.com.")], "alias to nowhere.example.com, which has no A record set"),
        ([alias("b.example.com."), record(name="b.example.com.", kind="CNAME")], "which has no A record set"),
    ],
)
def test_what_route53_rejects_is_rejected(records: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(Rejected, match=why.replace(".", r"\.")):
        Zone(records, ZONE)


@pytest.mark.parametrize(
    "records",
    [
        [record(), record(kind="AAAA"), record(kind="TXT")],
        [record("a", Weight=0), record("b", Weight=255)],
        [record("a", Failover="PRIMARY"), record("b", Failover="SECONDARY")],
        [record("a", Failover="PRIMARY"), record("a", kind="AAAA", Failover="PRIMARY")],
        [record("a", Weight=1), record("a", kind="AAAA", Region="us-east-1")],
        [record("a", **EU), record("b", GeoLocation={"CountryCode": "*"})],
        [record("a", GeoLocation={"CountryCode": "DE"}), record("b", GeoLocation={"CountryCode": "UA"})],
        [record("a", GeoLocation={"CountryCode": "US", "SubdivisionCode": "NY"})],
        [record(name="*.example.com."), record(name="\\052.b.example.com.")],
        [
            record(kind="TXT"),
            record(kind="MX"),
            record(ResourceRecords=[{"Value": "192.0.2.1"}, {"Value": "192.0.2.2"}]),
        ],
        [alias("d.cloudfront.net.", "Z2FDTNDATAQYW2")],
        [record("a", Region="us-east-1"), record("a", name="b.example.com.", Region="us-east-1")],
        [alias("lb.us-east-1.elb.amazonaws.com.", "Z35SXDOTRQ7X7K")],
        [alias("b.example.com."), record(name="b.example.com.")],
    ],
)
def test_what_route53_accepts_is_accepted(records: list[dict[str, Any]]) -> None:
    assert Zone(records, ZONE).record_sets == tuple(records)


def test_a_batch_is_judged_by_the_state_that_it_leads_to() -> None:
    cname, address = record(kind="CNAME"), record()
    zone = Zone([cname])
    zone.change(("CREATE", address), ("DELETE", cname))
    assert zone.record_sets == (address,)


def test_a_rejected_batch_changes_nothing() -> None:
    zone = Zone([record()])
    with pytest.raises(Rejected, match="CNAME beside A"):
        zone.change(("CREATE", record(kind="TXT")), ("CREATE", record(kind="CNAME")))
    assert zone.record_sets == (record(),)


def test_only_what_is_there_with_these_values_can_be_deleted() -> None:
    zone = Zone([record("a", Weight=1)])
    with pytest.raises(Rejected, match=r"set identifier='b'\] but it was not found"):
        zone.change(("DELETE", record("b", Weight=1)))
    for wrong in (record("a", Weight=2), record("a", Weight=1, TTL=21), record("a", Region="us-east-1")):
        with pytest.raises(Rejected, match="but the values provided do not match the current values"):
            zone.change(("DELETE", wrong))
    zone.change(("DELETE", record("a", name=NAME.upper().rstrip("."), Weight=1)))
    assert zone.record_sets == ()


def test_a_deleted_record_can_be_created_again() -> None:
    zone = Zone([record()])
    zone.change(("DELETE", record()), ("CREATE", record(TTL=30)))
    zone.change(("DELETE", record(TTL=30)))
    zone.change(("CREATE", record()))
    assert zone.record_sets == (record(),)


@pytest.mark.parametrize("actions", [("UPSERT", "UPSERT"), ("DELETE", "UPSERT"), ("CREATE", "DELETE")])
def test_a_batch_changes_a_record_set_once(actions: tuple[Any, ...]) -> None:
    zone = Zone([record()] if actions[0] == "DELETE" else [])
    with pytest.raises(Rejected, match="a batch changes a record set once"):
        zone.change(*((action, record()) for action in actions))


def test_a_change_is_not_judged_by_what_it_leaves_alone() -> None:
    """A health check may be deleted under a record, which only a change of that record meets."""
    checks = {"check-1"}
    zone = Zone([record("a", Weight=1, HealthCheckId="check-1")], health_checks=checks)
    checks.clear()
    zone.change(("CREATE", record("b", Weight=1)))
    with pytest.raises(Rejected, match="no health check has the id check-1"):
        zone.change(("UPSERT", record("a", Weight=2, HealthCheckId="check-1")))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("CREATE", record(name="example.org.")), "the zone is for names in example.com"),
        (("CREATE", record(name="wwwexample.com.")), "the zone is for names in example.com"),
        (("UPSERT", record(kind="CNAME", name="example.com.")), "itself cannot have a CNAME"),
        (("DELETE", record(kind="NS", name="example.com.")), "a zone keeps its own NS record set"),
        (("DELETE", record(kind="SOA", name="example.com.")), "a zone keeps its own SOA record set"),
        (("CREATE", alias("b.example.org.", "ZOTHER")), "alias to b.example.org. in another hosted zone"),
        (("DELETE", record(name="b.example.com.")), "alias to b.example.com, which has no A record set"),
    ],
)
def test_a_zone_keeps_to_its_own_names_and_keeps_what_its_aliases_need(change: Any, why: str) -> None:
    existing = [record(kind=kind, name="example.com.") for kind in ("NS", "SOA")]
    existing += [record(name="b.example.com."), alias("b.example.com.") | {"Name": "a.example.com."}]
    zone = Zone(existing, ZONE, name="example.com.", zones={ZONE, "ZOTHER"})
    with pytest.raises(Rejected, match=why.replace(".", r"\.")):
        zone.change(change)


def test_an_upsert_replaces_what_has_the_name_type_and_set_identifier() -> None:
    zone = Zone([record("a", Weight=1)])
    zone.change(("UPSERT", record("a", Weight=2)), ("UPSERT", record("b", Weight=3)))
    assert zone.record_sets == (record("a", Weight=2), record("b", Weight=3))


@given(stacks())
def test_every_record_plan_is_accepted(stack: Stack) -> None:
    made = api_records(stack.plan())
    assert Zone(made, ZONE, name=DOMAIN).record_sets == tuple(made)
