"""external-dns: the annotations, and what annotations cannot express."""

from __future__ import annotations

import pytest

from plan import external_dns
from plan.external_dns import keep_away, unsupported
from plan.records import CompanyRoute, RegionRoute, RoutingPolicy
from tests.plan.route_stacks import DOMAIN, region

PREFIX = "external-dns.kubernetes.io/"
US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"
HOST = f"a.{DOMAIN}"
COMMON = {"hostname": HOST, "aws-evaluate-target-health": "false", "ttl": "20"}


def annotations_of(policy: RoutingPolicy, *regions: RegionRoute) -> list[dict[str, str]]:
    """The annotations of each region in turn, without the prefix."""
    company = CompanyRoute(namespace="a", regions=tuple(each.name for each in regions))
    return [
        {key.removeprefix(PREFIX): value for key, value in each.items()}
        for each in (external_dns.annotations(PREFIX, policy, own, company, HOST, regions) for own in regions)
    ]


def test_latency_names_the_region() -> None:
    assert annotations_of(RoutingPolicy.LATENCY, region(US), region(EU)) == [
        {**COMMON, "set-identifier": US, "aws-region": US},
        {**COMMON, "set-identifier": EU, "aws-region": EU},
    ]


def test_weighted_gives_passive_regions_no_weight() -> None:
    assert annotations_of(
        RoutingPolicy.WEIGHTED, region(US, weight=7), region(EU, weight=5, active=False)
    ) == [
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
    assert [each["aws-failover"] for each in annotations_of(RoutingPolicy.FAILOVER, *regions)] == roles


def test_geo_names_the_place() -> None:
    annotations = annotations_of(
        RoutingPolicy.GEO, region(US, geo=["default"]), region(EU, geo=["EU"]), region(AP, geo=["country:JP"])
    )
    assert [{key: text for key, text in each.items() if "geo" in key} for each in annotations] == [
        {"aws-geolocation-country-code": "*"},
        {"aws-geolocation-continent-code": "EU"},
        {"aws-geolocation-country-code": "JP"},
    ]


def test_prefix_and_target_are_the_caller_s() -> None:
    company = CompanyRoute(namespace="a", regions=(US,))
    annotations = external_dns.annotations(
        "old/", RoutingPolicy.LATENCY, region(US), company, HOST, [region(US)], target="lb.example.net"
    )
    assert annotations["old/target"] == "lb.example.net"
    assert all(key.startswith("old/") for key in annotations)


@pytest.mark.parametrize(
    ("policy", "regions", "texts"),
    [
        (
            RoutingPolicy.LATENCY,
            [region(US), region(EU, active=False)],
            ["policy latency with passive regions (eu-west-1)"],
        ),
        (
            RoutingPolicy.GEO,
            [region(US, geo=["default"]), region(EU, geo=["EU"], active=False)],
            ["policy geo with passive regions (eu-west-1)"],
        ),
        (
            RoutingPolicy.GEO,
            [region(US, geo=["default"]), region(EU, geo=["EU", "AF"]), region(AP)],
            [
                "policy geo with 0 geo codes instead of 1 in a region (ap-southeast-2)",
                "policy geo with 2 geo codes instead of 1 in a region (eu-west-1)",
            ],
        ),
        (
            RoutingPolicy.GEO,
            [region(EU, geo=["EU"])],
            ["policy geo without the geo code `default` (in eu-west-1)"],
        ),
        (
            RoutingPolicy.FAILOVER,
            [region(US)],
            ["policy failover with 1 regions instead of 2 (us-east-1)"],
        ),
        (
            RoutingPolicy.FAILOVER,
            [region(US), region(EU), region(AP)],
            [f"policy failover with 3 regions instead of 2 ({US}, {EU}, {AP})"],
        ),
        (
            RoutingPolicy.WEIGHTED,
            [region(US, weight=0), region(EU), region(AP, active=False)],
            ["policy weighted with passive regions and an active region of weight 0 (us-east-1)"],
        ),
        (
            RoutingPolicy.WEIGHTED,
            [region(US), region(EU, active=False, weight=1), region(AP, active=False, weight=2)],
            ["policy weighted with passive regions of different weights (ap-southeast-2, eu-west-1)"],
        ),
    ],
)
def test_unsupported_features_are_listed_and_get_no_annotations(
    policy: RoutingPolicy, regions: list[RegionRoute], texts: list[str]
) -> None:
    company = CompanyRoute(namespace="a", regions=tuple(each.name for each in regions))
    assert unsupported(policy, regions, company) == texts
    with pytest.raises(ValueError, match="company a: external-dns cannot express policy"):
        annotations_of(policy, *regions)


def test_only_the_company_s_own_regions_count() -> None:
    company = CompanyRoute(namespace="a", regions=(US, EU))
    assert (
        unsupported(RoutingPolicy.LATENCY, [region(US), region(EU), region(AP, active=False)], company) == []
    )


OTHER, BALANCER = "lb.eu.example.net", "lb-1.elb.eu-west-1.amazonaws.com"


@pytest.mark.parametrize("policy", [RoutingPolicy.LATENCY, RoutingPolicy.WEIGHTED, RoutingPolicy.FAILOVER])
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
    policy: RoutingPolicy, endpoints: dict[str, str], aliases: str, cnames: str
) -> None:
    text = (
        f"alias records for load balancers of AWS ({aliases}) and CNAME records for other endpoints"
        f" ({cnames}) under one name"
    )
    company = CompanyRoute(namespace="a", regions=(US, EU))
    assert unsupported(policy, [region(US), region(EU)], company, endpoints) == ([text] if aliases else [])


def test_endpoints_of_other_companies_regions_do_not_count() -> None:
    company = CompanyRoute(namespace="a", regions=(US, EU))
    assert (
        unsupported(RoutingPolicy.LATENCY, [region(US), region(EU), region(AP)], company, {AP: OTHER}) == []
    )


def test_external_dns_ignores_ingresses_under_the_prefixes_of_all_its_versions_and_of_the_settings() -> None:
    assert keep_away("names.example.com/") == {
        "external-dns.kubernetes.io/controller": "none",
        "external-dns.alpha.kubernetes.io/controller": "none",
        "names.example.com/controller": "none",
    }
