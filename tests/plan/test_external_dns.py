"""external-dns: the annotations, what they cannot say, and that what they say keeps the promises."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given

from plan import external_dns
from plan.dns import CompanyRoute, Policy, RegionRoute, health_check
from plan.external_dns import HEALTH_CHECK_ID, problems
from plan.resolver import Client
from tests.plan.worlds import DOMAIN, REGION_NAMES, Stack, answer, expected, region, stacks, subsets

PREFIX = "external-dns.kubernetes.io/"
US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"
HOST = f"a.{DOMAIN}"
COMMON = {"hostname": HOST, "aws-evaluate-target-health": "false"}


def said(policy: Policy, *regions: RegionRoute) -> list[dict[str, str]]:
    """The annotations of each region in turn, without the prefix."""
    company = CompanyRoute(namespace="a", regions=tuple(each.name for each in regions))
    return [
        {key.removeprefix(PREFIX): value for key, value in each.items()}
        for each in (external_dns.annotations(PREFIX, policy, one, company, HOST, regions) for one in regions)
    ]


def refused(policy: Policy, *regions: RegionRoute) -> list[str]:
    company = CompanyRoute(namespace="a", regions=tuple(each.name for each in regions))
    start, end = "company a: external-dns cannot express ", ": use `manager: route53` instead"
    found = problems(policy, regions, company)
    assert all(text.startswith(start) and text.endswith(end) for text in found)
    return [text.removeprefix(start).removesuffix(end) for text in found]


def test_latency_names_the_region() -> None:
    assert said(Policy.LATENCY, region(US), region(EU)) == [
        {**COMMON, "set-identifier": US, "aws-region": US},
        {**COMMON, "set-identifier": EU, "aws-region": EU},
    ]


def test_weighted_gives_passive_regions_no_weight() -> None:
    assert said(Policy.WEIGHTED, region(US, weight=7), region(EU, weight=5, active=False)) == [
        {**COMMON, "set-identifier": US, "aws-weight": "7"},
        {**COMMON, "set-identifier": EU, "aws-weight": "0"},
    ]


@pytest.mark.parametrize(
    ("regions", "roles"),
    [
        ((region(US), region(EU)), ["PRIMARY", "SECONDARY"]),
        ((region(EU), region(US)), ["PRIMARY", "SECONDARY"]),
        ((region(US, active=False), region(EU)), ["SECONDARY", "PRIMARY"]),
    ],
)
def test_failover_ranks_by_role_then_order(regions: tuple[RegionRoute, ...], roles: list[str]) -> None:
    assert [each["aws-failover"] for each in said(Policy.FAILOVER, *regions)] == roles


def test_geo_names_the_place() -> None:
    found = said(
        Policy.GEO, region(US, geo=["default"]), region(EU, geo=["EU"]), region(AP, geo=["country:JP"])
    )
    assert [{key: text for key, text in each.items() if "geo" in key} for each in found] == [
        {"aws-geolocation-country-code": "*"},
        {"aws-geolocation-continent-code": "EU"},
        {"aws-geolocation-country-code": "JP"},
    ]


def test_prefix_and_target_are_the_caller_s() -> None:
    company = CompanyRoute(namespace="a", regions=(US,))
    found = external_dns.annotations(
        "old/", Policy.LATENCY, region(US), company, HOST, [region(US)], target="lb.example.net"
    )
    assert found["old/target"] == "lb.example.net"
    assert all(key.startswith("old/") for key in found)


@pytest.mark.parametrize(
    ("policy", "regions", "texts"),
    [
        (
            Policy.LATENCY,
            [region(US), region(EU, active=False)],
            ["policy latency with passive regions (eu-west-1)"],
        ),
        (
            Policy.GEO,
            [region(US, geo=["default"]), region(EU, geo=["EU"], active=False)],
            ["policy geo with passive regions (eu-west-1)"],
        ),
        (
            Policy.GEO,
            [region(US, geo=["default"]), region(EU, geo=["EU", "AF"]), region(AP)],
            [
                "policy geo with other than one geo code a region (ap-southeast-2 has 0)",
                "policy geo with other than one geo code a region (eu-west-1 has 2)",
            ],
        ),
        (
            Policy.GEO,
            [region(EU, geo=["EU"])],
            ["policy geo without a default region (none of eu-west-1 has the code `default`)"],
        ),
        (
            Policy.FAILOVER,
            [region(US)],
            ["policy failover with other than two regions (these are 1: us-east-1)"],
        ),
        (
            Policy.FAILOVER,
            [region(US), region(EU), region(AP)],
            [f"policy failover with other than two regions (these are 3: {US}, {EU}, {AP})"],
        ),
        (
            Policy.WEIGHTED,
            [region(US, weight=0), region(EU), region(AP, active=False)],
            ["policy weighted with passive regions and an active region of weight 0 (us-east-1)"],
        ),
        (
            Policy.WEIGHTED,
            [region(US), region(EU, active=False, weight=1), region(AP, active=False, weight=2)],
            ["policy weighted with passive regions of different weights (ap-southeast-2, eu-west-1)"],
        ),
    ],
)
def test_what_cannot_be_expressed_is_said(
    policy: Policy, regions: list[RegionRoute], texts: list[str]
) -> None:
    assert refused(policy, *regions) == texts
    with pytest.raises(ValueError, match="external-dns cannot express"):
        said(policy, *regions)


def test_only_the_company_s_own_regions_count() -> None:
    company = CompanyRoute(namespace="a", regions=(US, EU))
    assert problems(Policy.LATENCY, [region(US), region(EU), region(AP, active=False)], company) == []


def as_external_dns_would(stack: Stack, company: CompanyRoute) -> list[dict[str, Any]]:
    """The records that external-dns makes of the annotations, as its provider/aws/aws.go does."""
    records = []
    for one in stack.own(company):
        host = f"{company.namespace}.{DOMAIN}"
        keys = external_dns.annotations("", stack.policy, one, company, host, stack.regions)
        check = health_check(domain=DOMAIN, company=company, region=one.name, endpoints=stack.endpoints)
        keys[HEALTH_CHECK_ID] = check.key
        geo = {
            "ContinentCode": "aws-geolocation-continent-code",
            "CountryCode": "aws-geolocation-country-code",
        }
        location = {key: keys[annotation] for key, annotation in geo.items() if annotation in keys}
        records.append(
            {
                "Name": keys["hostname"],
                "Type": "CNAME",
                "TTL": 300,
                "ResourceRecords": [{"Value": stack.serves(company, one.name)}],
                "SetIdentifier": keys["set-identifier"],
                "HealthCheckId": keys["aws-health-check-id"],
                "Weight": int(keys["aws-weight"]) if "aws-weight" in keys else None,
                "Region": keys.get("aws-region"),
                "Failover": keys.get("aws-failover"),
                "GeoLocation": location or None,
            }
        )
    return records


@given(stacks())
def test_what_is_expressed_keeps_the_promises(stack: Stack) -> None:
    expressed = [company for company in stack.companies if not problems(stack.policy, stack.regions, company)]
    assume(expressed and stack.policy is not Policy.GEO)
    client = Client(country="TR", continent="EU", nearest=REGION_NAMES)
    for company in expressed:
        records = as_external_dns_would(stack, company)
        checks = {
            name: health_check(domain=DOMAIN, company=company, region=name, endpoints=stack.endpoints).key
            for name in company.regions
        }
        for healthy in subsets(company.regions):
            failing = frozenset(key for name, key in checks.items() if name not in healthy)
            assert answer(stack, records, company, client, failing) == expected(
                stack, company, client, healthy
            )


def test_geo_keeps_to_the_client_s_place_and_the_default_and_no_further() -> None:
    """A limit of Route53's geolocation without trees: no other region stands in for an unhealthy default."""
    regions = (region(US, geo=["default"]), region(EU, geo=["EU"]))
    company = CompanyRoute(namespace="a", regions=(US, EU))
    stack = Stack(policy=Policy.GEO, regions=regions, companies=(company,))
    records = as_external_dns_would(stack, company)
    german = Client(country="DE", continent="EU", nearest=())
    american = Client(country="US", continent="NA", nearest=())
    found = {
        (client.country, failing): next(iter(answer(stack, records, company, client, frozenset(failing))))
        for client, failing in product([german, american], [(), (EU,), (US,), (US, EU)])
    }
    assert found == {
        ("DE", ()): EU, ("DE", (EU,)): US, ("DE", (US,)): EU, ("DE", (US, EU)): EU,
        ("US", ()): US, ("US", (EU,)): US, ("US", (US,)): US, ("US", (US, EU)): US,
    }  # fmt: skip
