"""`doctor` on the records that a zone has: what Route53 refuses beside them, and the steps instead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.aws import AwsAccess
from ops.doctor.findings import Finding
from ops.doctor.in_zone import live_records
from ops.stack import Stack
from plan.live_names import wanted_records
from plan.names import host_of
from plan.record_sets import RecordSet
from settings import parse
from settings.routes import company_route, record_plan, region_route
from tests.components.stacks import DOMAIN, EU, US, ZONE, context, eks, stack
from tests.ops.external_dns import MANAGED
from tests.plan.route_stacks import api_records


class Route53:
    """Zones by id, each with its name, whether it is private, and its records. Lists a page a record."""

    def __init__(self, zones: dict[str, tuple[str, bool, list[RecordSet]]], refused: str = "") -> None:
        self._zones, self._refused = zones, refused

    def get_paginator(self, what: str) -> Any:
        return _Pages(self._hosted if what == "list_hosted_zones" else self._records)

    def _hosted(self) -> Iterator[dict[str, Any]]:
        for zone_id, (name, private, _) in self._zones.items():
            zone = {"Id": f"/hostedzone/{zone_id}", "Name": f"{name}.", "Config": {"PrivateZone": private}}
            yield {"HostedZones": [zone]}

    def _records(self, HostedZoneId: str) -> Iterator[dict[str, Any]]:
        if self._refused or HostedZoneId not in self._zones:
            code = self._refused or "NoSuchHostedZone"
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "ListResourceRecordSets")
        for record in self._zones[HostedZoneId][2]:
            yield {"ResourceRecordSets": [record]}


class _Pages:
    def __init__(self, paginate: Any) -> None:
        self.paginate = paginate


class _AwsAccess(AwsAccess):
    def client(self, service: str, region: str) -> Any:
        assert service == "route53"
        return self.arguments["route53"]


def look(route53: Route53, **settings: Any) -> list[Finding]:
    known = parse(stack(**{"regions": [eks(US), eks(EU)], **settings}), "dev")
    given: Any = {"route53": route53}
    named = Stack(name="dev", file=Path("Pulumi.dev.yaml"), settings=known)
    return list(live_records(named, _AwsAccess(local=False, arguments=given)))


def zone(records: list[RecordSet]) -> Route53:
    return Route53({ZONE: (DOMAIN, False, records)})


def made_by_external_dns(*, prefer_cname: bool = True, **settings: Any) -> list[RecordSet]:
    known = parse(stack(**{"regions": [eks(US), eks(EU)], **settings}), "dev")
    policy, regions = known.load_balancing.policy, [region_route(region) for region in known.regions]
    kinds = ("CNAME",) if prefer_cname else ("A", "AAAA")
    made = [
        wanted_records(policy, company_route(known, one), regions, host_of(one.namespace, DOMAIN), kinds)
        for one in known.companies
    ]
    return [record for by_region in made for records in by_region.values() for record in records]


def made_by_pulumi(**settings: Any) -> list[RecordSet]:
    known = parse(stack(**{"regions": [eks(US), eks(EU)], **settings}), "dev")
    return list(api_records(record_plan(known)))


def by(policy: str, manager: str = "external-dns") -> dict[str, Any]:
    return {"loadBalancing": {"policy": policy, "manager": manager}}


FAILOVER, LATENCY, ROUTE53 = by("failover"), by("latency"), by("latency", "route53")


@pytest.mark.parametrize("prefer_cname", [True, False])
@pytest.mark.parametrize("settings", [FAILOVER, LATENCY, {**LATENCY, "companies": ["acme", "globex"]}])
def test_records_that_stay_as_they_are_are_no_obstacle(settings: dict[str, Any], prefer_cname: bool) -> None:
    [one] = look(zone(made_by_external_dns(prefer_cname=prefer_cname, **settings)), **settings)
    assert one.ok and one.detail == f"nothing in {ZONE} conflicts with the stack's names"


@pytest.mark.parametrize("settings", [FAILOVER, LATENCY, ROUTE53])
def test_an_empty_zone_is_no_obstacle(settings: dict[str, Any]) -> None:
    assert [one.ok for one in look(zone([]), **settings)] == [True]


@pytest.mark.parametrize("prefer_cname", [True, False])
@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (FAILOVER, {**FAILOVER, "regions": [eks(EU), eks(US)]}, "two record sets with Failover"),
        (
            FAILOVER,
            {**FAILOVER, "regions": [eks(US, active=False), eks(EU)]},
            "two record sets with Failover",
        ),
        (LATENCY, by("weighted"), "several routing policies: Region, Weight"),
        (by("weighted"), FAILOVER, "several routing policies: Failover, Weight"),
    ],
)
def test_a_change_that_is_refused_for_good_is_missing_with_the_steps(
    before: dict[str, Any], after: dict[str, Any], why: str, prefer_cname: bool
) -> None:
    [one] = look(zone(made_by_external_dns(prefer_cname=prefer_cname, **before)), **after)
    assert not one.ok and one.what == "live records"
    assert f"acme.{DOMAIN}" in one.detail and why in one.detail
    assert "docs/external-dns.md#changes-on-a-live-stack" in one.remedy


def test_a_swap_within_one_cluster_is_one_batch_and_no_obstacle() -> None:
    shared = [
        {"name": name, "cluster": {"context": "shared"}, "ingressFrom": ["10.0.0.0/24"]} for name in (US, EU)
    ]
    live = made_by_external_dns(**FAILOVER, regions=shared)
    [one] = look(zone(live), **FAILOVER, regions=shared[::-1])
    assert one.ok


def test_a_few_names_stand_for_all_of_them() -> None:
    companies = [f"client-{number}" for number in range(5)]
    live = made_by_external_dns(**LATENCY, companies=companies)
    [one] = look(zone(live), **by("weighted"), companies=companies)
    assert "client-2" in one.detail and "client-3" not in one.detail and "and 2 more names" in one.detail


def test_a_record_of_somebody_else_is_reported() -> None:
    other = {"Name": f"acme.{DOMAIN}.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    [one] = look(zone([other]), **LATENCY)
    assert not one.ok and "several routing policies: Region, simple" in one.detail
    mail = {"Name": f"mail.{DOMAIN}.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    text = {**other, "Type": "TXT", "ResourceRecords": [{"Value": '"heritage=external-dns"'}]}
    assert [one.ok for one in look(zone([mail, text]), **LATENCY)] == [True]


def test_from_route53_to_external_dns_pulumi_deletes_its_own_record() -> None:
    [one] = look(zone(made_by_pulumi(**ROUTE53)), **LATENCY)
    assert one.ok


def test_from_external_dns_to_route53_its_records_are_in_the_way() -> None:
    live = made_by_external_dns(prefer_cname=False, **LATENCY)
    [one] = look(zone(live), **ROUTE53)
    assert not one.ok
    assert (
        f"acme.{DOMAIN} has records that this program did not create: A ({EU}), A ({US}), AAAA" in one.detail
    )
    assert "docs/external-dns.md#from-external-dns-to-route53" in one.remedy


def test_an_edge_s_alias_records_are_in_the_way_too() -> None:
    target = {
        "HostedZoneId": "Z35",
        "DNSName": "k8s.us-east-1.elb.amazonaws.com.",
        "EvaluateTargetHealth": True,
    }
    edge = {"Name": f"{US}-2.{DOMAIN}.", "Type": "A", "AliasTarget": target}
    companies = [{"name": "acme", "edge": 2}]
    [one] = look(zone([edge]), **ROUTE53, companies=companies)
    assert not one.ok and one.detail == f"{US}-2.{DOMAIN} has records that this program did not create: A"
    assert [one.ok for one in look(zone([edge]), **ROUTE53)] == [True]
    regions = [context(US), eks(EU)]
    assert [one.ok for one in look(zone([edge]), **ROUTE53, companies=companies, regions=regions)] == [True]


def test_what_this_program_made_is_no_obstacle_to_it() -> None:
    edge = {
        "Name": f"{US}.{DOMAIN}.",
        "Type": "CNAME",
        "TTL": 20,
        "ResourceRecords": [{"Value": "k8s.us-east-1.elb.amazonaws.com"}],
    }
    for policy in ("latency", "failover", "weighted"):
        settings = by(policy, "route53")
        assert [one.ok for one in look(zone([*made_by_pulumi(**settings), edge]), **settings)] == [True]


def test_without_an_id_the_public_zone_with_the_longest_name_is_looked_at() -> None:
    live = made_by_external_dns(**FAILOVER)
    zones = {
        "Z0PARENT": ("example.com", False, live),
        "Z0PRIVATE": (DOMAIN, True, live),
        "Z0RIGHT": (DOMAIN, False, []),
        "Z0OTHER": ("xagency.example.com", False, live),
    }
    [one] = look(Route53(zones), hostedZoneId=None, **LATENCY)
    assert one.ok and "Z0RIGHT" in one.detail
    del zones["Z0RIGHT"]
    [one] = look(Route53(zones), hostedZoneId=None, **LATENCY)
    assert not one.ok and "several routing policies" in one.detail
    [one] = look(Route53({"Z0PRIVATE": (DOMAIN, True, [])}), hostedZoneId=None, **LATENCY)
    assert not one.ok and "no public hosted zone for agency.example.com" in one.detail


def test_who_may_not_look_is_told_what_to_allow() -> None:
    [one] = look(Route53({ZONE: (DOMAIN, False, [])}, refused="AccessDenied"), **MANAGED)
    assert not one.ok and one.detail == "not known: AccessDenied: no"
    assert "route53:ListResourceRecordSets" in one.remedy
    assert look(Route53({}), **ROUTE53) == []
