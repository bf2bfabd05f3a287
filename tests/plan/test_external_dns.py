"""external-dns: the annotations, what they cannot say, and that what they say keeps the promises."""

from __future__ import annotations

import pytest

from plan import external_dns
from plan.dns import CompanyRoute, Policy, RegionRoute
from plan.external_dns import keep_away, problems
from tests.plan.worlds import DOMAIN, region

PREFIX = "external-dns.kubernetes.io/"
US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"
HOST = f"a.{DOMAIN}"
COMMON = {"hostname": HOST, "aws-evaluate-target-health": "false", "ttl": "20"}


def said(policy: Policy, *regions: RegionRoute) -> list[dict[str, str]]:
    """The annotations of each region in turn, without the prefix."""
    company = CompanyRoute(namespace="a", regions=tuple(each.name for each in regions))
    return [
        {key.removeprefix(PREFIX): value for key, value in each.items()}
        for each in (external_dns.annotations(PREFIX, policy, one, company, HOST, regions) for one in regions)
    ]


def refused(policy: Policy, *regions: RegionRoute, endpoints: dict[str, str] | None = None) -> list[str]:
    company = CompanyRoute(namespace="a", regions=tuple(each.name for each in regions))
    start, end = "company a: external-dns cannot express ", ": use `manager: route53` instead"
    found = problems(policy, regions, company, endpoints or {})
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


OTHER, BALANCER = "lb.eu.example.net", "lb-1.elb.eu-west-1.amazonaws.com"


@pytest.mark.parametrize("policy", [Policy.LATENCY, Policy.WEIGHTED, Policy.FAILOVER])
@pytest.mark.parametrize(
    ("endpoints", "aliases", "cnames"),
    [
        ({EU: OTHER}, US, EU),
        ({US: OTHER}, EU, US),
        ({US: BALANCER, EU: OTHER}, US, EU),
        ({}, "", ""),
        ({EU: BALANCER}, "", ""),
        ({US: BALANCER, EU: BALANCER}, "", ""),
        ({US: OTHER, EU: OTHER}, "", ""),
    ],
)
def test_alias_records_and_cnames_of_one_company_exclude_each_other(
    policy: Policy, endpoints: dict[str, str], aliases: str, cnames: str
) -> None:
    text = (
        f"alias records for load balancers of AWS ({aliases}) and CNAME records for other endpoints"
        f" ({cnames}) under one name"
    )
    assert refused(policy, region(US), region(EU), endpoints=endpoints) == ([text] if aliases else [])


def test_endpoints_of_other_companies_regions_do_not_count() -> None:
    company = CompanyRoute(namespace="a", regions=(US, EU))
    assert problems(Policy.LATENCY, [region(US), region(EU), region(AP)], company, {AP: OTHER}) == []


def test_external_dns_is_kept_away_under_the_prefixes_of_all_its_versions_and_of_the_settings() -> None:
    assert keep_away("names.example.com/") == {
        "external-dns.kubernetes.io/controller": "none",
        "external-dns.alpha.kubernetes.io/controller": "none",
        "names.example.com/controller": "none",
    }
