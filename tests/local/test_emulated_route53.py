"""The emulator's Route53: what it refuses, what it takes, and its pages."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.aws import emulator as service
from local.aws.emulator import Emulator

DOMAIN = "judged.example.com"
ZONE = "ZJUDGED"


@pytest.fixture
def route53(emulator: Emulator) -> Any:
    """A client, and a zone without records but its own."""
    service.ensure_hosted_zone(emulator.url, ZONE, DOMAIN)
    client = boto3.client("route53", region_name="us-east-1", **emulator.credentials())
    if left := records(client):
        change(client, *(("DELETE", each) for each in left))
    return client


def records(route53: Any, **page: int) -> list[dict[str, Any]]:
    pages = route53.get_paginator("list_resource_record_sets").paginate(
        HostedZoneId=ZONE, PaginationConfig={"PageSize": page["size"]} if page else {}
    )
    return [
        record
        for each in pages
        for record in each["ResourceRecordSets"]
        if record["Type"] not in ("NS", "SOA")
    ]


def change(route53: Any, *changes: tuple[str, dict[str, Any]]) -> None:
    batch = [{"Action": action, "ResourceRecordSet": record} for action, record in changes]
    route53.change_resource_record_sets(HostedZoneId=ZONE, ChangeBatch={"Changes": batch})


def record(label: str, identifier: str | None = None, **more: Any) -> dict[str, Any]:
    values = [{"Value": "host.example.net"}]
    created = {"Name": f"{label}.{DOMAIN}.", "Type": "CNAME", "TTL": 20, "ResourceRecords": values, **more}
    return created | ({"SetIdentifier": identifier} if identifier else {})


ADDRESS = {"Type": "A", "ResourceRecords": [{"Value": "192.0.2.1"}]}


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (record("a", **ADDRESS), "CNAME beside A"),
        (record("a", "one", Weight=1), "several routing policies"),
        (record("a"), "but it already exists"),
        (record("b", "one"), "must have both a routing policy and a set identifier"),
        (record("b", "one", Weight=1, HealthCheckId="none"), "no health check has the id none"),
        (record("b") | {"Name": "b.elsewhere.example."}, "the zone is for names in"),
    ],
)
def test_a_change_that_route53_rejects_is_rejected_and_changes_nothing(
    route53: Any, refused: dict[str, Any], why: str
) -> None:
    change(route53, ("CREATE", record("a")))
    with pytest.raises(ClientError, match=why) as failure:
        change(route53, ("CREATE", record("c")), ("CREATE", refused))
    assert failure.value.response["Error"]["Code"] == "InvalidChangeBatch"
    assert records(route53) == [record("a")]


def test_a_record_is_made_again_after_it_was_deleted(route53: Any) -> None:
    for _ in range(2):
        change(route53, ("CREATE", record("a")))
        change(route53, ("DELETE", record("a")))
    assert records(route53) == []


def test_every_kind_of_record_is_listed_as_it_was_made(route53: Any) -> None:
    check = route53.create_health_check(
        CallerReference="judged", HealthCheckConfig={"Type": "HTTPS", "FullyQualifiedDomainName": DOMAIN}
    )["HealthCheck"]["Id"]
    target = {"HostedZoneId": ZONE, "DNSName": f"a.{DOMAIN}.", "EvaluateTargetHealth": True}
    balancer = {"HostedZoneId": "ZELB", "DNSName": "lb.example.net.", "EvaluateTargetHealth": False}
    created = [
        record("a", "first", Failover="PRIMARY", HealthCheckId=check),
        record("a", "second", Failover="SECONDARY"),
        {"Name": f"b.{DOMAIN}.", "Type": "CNAME", "AliasTarget": target},
        {"Name": f"c.{DOMAIN}.", "Type": "A", "AliasTarget": balancer},
        record("d", "eu", GeoLocation={"ContinentCode": "EU"}),
        record("e", "us", Region="us-east-1"),
        record("f", Type="TXT", ResourceRecords=[{"Value": '"a"'}, {"Value": '"b"'}]),
        record("g", "one", Weight=0),
    ]
    change(route53, *(("UPSERT", each) for each in created))
    assert records(route53) == created


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_go_on_within_the_records_of_one_name(route53: Any, size: int) -> None:
    created = [record(label, str(number), Weight=1) for label in "ab" for number in range(3)]
    change(route53, *(("CREATE", each) for each in created))
    assert records(route53, size=size) == created


def test_a_deletion_by_set_identifier_leaves_other_names_alone(route53: Any) -> None:
    change(route53, *(("CREATE", record(label, "one", Weight=1)) for label in "ab"))
    change(route53, ("DELETE", record("a", "one", Weight=1)))
    assert records(route53) == [record("b", "one", Weight=1)]
