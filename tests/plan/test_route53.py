"""What Route53 refuses, one rule at a time; and that it accepts every record that this program makes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from plan.route53 import Refused, Zone, refusals
from tests.plan.worlds import ZONE, Stack, api_records, stacks

NAME = "www.example.com."


def record(identifier: str | None = None, kind: str = "A", name: str = NAME, **more: Any) -> dict[str, Any]:
    value = "host.example.net" if kind == "CNAME" else "192.0.2.1"
    found = {"Name": name, "Type": kind, "TTL": 20, "ResourceRecords": [{"Value": value}], **more}
    return found | ({} if identifier is None else {"SetIdentifier": identifier})


def alias(target: str, zone: str = ZONE, kind: str = "A") -> dict[str, Any]:
    to = {"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": False}
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
        ([record("a", Weight=1), record("a", Weight=2)], "CREATE of a record set that exists"),
        ([record(), record()], "CREATE of a record set that exists"),
        ([record(), record(name="WWW.example.com")], "CREATE of a record set that exists"),
        ([record("a")], "a routing policy needs a set identifier"),
        ([record(Weight=1)], "a routing policy needs a set identifier"),
        ([record("a", Weight=256)], "Weight must be 0 to 255, got 256"),
        ([record(kind="CNAME", ResourceRecords=[{"Value": "a."}, {"Value": "b."}])], "one value, got 2"),
        ([record() | alias("other.example.com.", "ZELB")], "either an alias target, or values and a TTL"),
        ([{"Name": NAME, "Type": "A"}], "either an alias target, or values and a TTL"),
        ([alias("nowhere.example.com.")], "alias to nowhere.example.com, which has no A record set"),
        ([alias("b.example.com."), record(name="b.example.com.", kind="CNAME")], "which has no A record set"),
    ],
)
def test_what_route53_refuses_is_refused(records: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(Refused, match=why.replace(".", r"\.")):
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


def test_a_refused_batch_changes_nothing() -> None:
    zone = Zone([record()])
    with pytest.raises(Refused, match="CNAME beside A"):
        zone.change(("CREATE", record(kind="TXT")), ("CREATE", record(kind="CNAME")))
    assert zone.record_sets == (record(),)


def test_only_what_is_there_with_these_values_can_be_deleted() -> None:
    zone = Zone([record("a", Weight=1)])
    for wrong in (record("b", Weight=1), record("a", Weight=2)):
        with pytest.raises(Refused, match="DELETE of a record set that does not exist"):
            zone.change(("DELETE", wrong))
    zone.change(("DELETE", record("a", Weight=1)))
    assert zone.record_sets == ()


def test_an_upsert_replaces_what_has_the_name_type_and_set_identifier() -> None:
    zone = Zone([record("a", Weight=1)])
    zone.change(("UPSERT", record("a", Weight=2)), ("UPSERT", record("b", Weight=3)))
    assert zone.record_sets == (record("a", Weight=2), record("b", Weight=3))


@given(stacks())
def test_every_record_plan_is_accepted(stack: Stack) -> None:
    assert refusals(api_records(stack.plan()), ZONE) == []
