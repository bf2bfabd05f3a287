"""The record plan: its records by routing policy, its errors, and its form in Route53's API."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from plan.dns import plan_records
from plan.edges import edge_name, health_check
from plan.records import (
    Alias,
    CompanyRoute,
    Failover,
    Geolocation,
    HealthCheck,
    Latency,
    Leaf,
    Record,
    RoutingPolicy,
    Tree,
    Weighted,
    to_api,
)
from tests.plan.route_stacks import DOMAIN, Stack, region

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-2"


def one_company(policy: RoutingPolicy, *regions: Any, **company: Any) -> Stack:
    names = tuple(each.name for each in regions)
    return Stack(
        policy=policy, regions=regions, companies=(CompanyRoute(namespace="a", regions=names, **company),)
    )


def tree_of(stack: Stack) -> Tree:
    (tree,) = stack.plan().trees
    return tree


def sketch(tree: Tree) -> list[str]:
    """A tree as text: `name identifier policy → target`, the root's name left out."""
    lines = []
    for record in tree.records:
        target = record.target.value if isinstance(record.target, Leaf) else record.target.name
        line = f"{record.name} {record.set_identifier} {record.routing} → {target}"
        lines.append(line.replace(f".{tree.name}", ".").replace(tree.name, ".").replace(f".{DOMAIN}", ""))
    return sorted(lines)


# What is planned


def test_latency_without_passive_regions_is_one_leaf_a_region() -> None:
    assert sketch(tree_of(one_company(RoutingPolicy.LATENCY, region(US), region(EU)))) == [
        ". eu-west-1 Latency(region='eu-west-1') → eu-west-1",
        ". us-east-1 Latency(region='us-east-1') → us-east-1",
    ]


def test_weighted_with_passive_regions_puts_the_active_group_first() -> None:
    stack = one_company(
        RoutingPolicy.WEIGHTED, region(US, weight=3), region(EU, weight=0), region(AP, weight=7, active=False)
    )
    assert sketch(tree_of(stack)) == [
        ". primary Failover(role='PRIMARY') → active.",
        ". secondary Failover(role='SECONDARY') → passive.",
        "active. eu-west-1 Weighted(weight=0) → eu-west-1",
        "active. us-east-1 Weighted(weight=3) → us-east-1",
        "passive. ap-southeast-2 Weighted(weight=7) → ap-southeast-2",
    ]


def test_failover_is_a_chain_of_active_then_passive_regions() -> None:
    stack = one_company(RoutingPolicy.FAILOVER, region(AP, active=False), region(US), region(EU), edge=2)
    assert sketch(tree_of(stack)) == [
        ". primary Failover(role='PRIMARY') → us-east-1-2",
        ". secondary Failover(role='SECONDARY') → chain-2.",
        "chain-2. primary Failover(role='PRIMARY') → eu-west-1-2",
        "chain-2. secondary Failover(role='SECONDARY') → ap-southeast-2-2",
    ]


def test_failover_of_a_single_region_is_a_lone_primary() -> None:
    tree = tree_of(one_company(RoutingPolicy.FAILOVER, region(US)))
    assert sketch(tree) == [". primary Failover(role='PRIMARY') → us-east-1"]


def test_geo_gives_each_code_a_chain_that_begins_with_its_own_region() -> None:
    stack = one_company(
        RoutingPolicy.GEO,
        region(US, geo=["default"]),
        region(EU, geo=["EU", "AF"]),
        region(AP, geo=["country:TR"]),
    )
    assert sketch(tree_of(stack)) == [
        ". AF Geolocation(code='AF') → chain-2.",
        ". EU Geolocation(code='EU') → chain-2.",
        ". country:TR Geolocation(code='country:TR') → chain-1.",
        ". default Geolocation(code='default') → chain-3.",
        # Turkey's own region, then Europe's (Route53 counts Turkey as Europe), then the default's.
        "chain-1. primary Failover(role='PRIMARY') → ap-southeast-2",
        "chain-1. secondary Failover(role='SECONDARY') → chain-4.",
        "chain-2. primary Failover(role='PRIMARY') → eu-west-1",
        "chain-2. secondary Failover(role='SECONDARY') → chain-5.",
        "chain-3. primary Failover(role='PRIMARY') → us-east-1",
        "chain-3. secondary Failover(role='SECONDARY') → chain-6.",
        "chain-4. primary Failover(role='PRIMARY') → eu-west-1",
        "chain-4. secondary Failover(role='SECONDARY') → us-east-1",
        "chain-5. primary Failover(role='PRIMARY') → us-east-1",
        "chain-5. secondary Failover(role='SECONDARY') → ap-southeast-2",
        "chain-6. primary Failover(role='PRIMARY') → ap-southeast-2",
        "chain-6. secondary Failover(role='SECONDARY') → eu-west-1",
    ]


def test_geo_codes_of_a_passive_region_lead_to_active_regions_first() -> None:
    stack = one_company(RoutingPolicy.GEO, region(US, geo=["default"]), region(EU, geo=["EU"], active=False))
    assert sketch(tree_of(stack)) == [
        ". EU Geolocation(code='EU') → chain-1.",
        ". default Geolocation(code='default') → chain-1.",
        "chain-1. primary Failover(role='PRIMARY') → us-east-1",
        "chain-1. secondary Failover(role='SECONDARY') → eu-west-1",
    ]


def test_geo_without_a_default_of_its_own_takes_the_first_active_region_by_name() -> None:
    tree = tree_of(
        one_company(RoutingPolicy.GEO, region(US, geo=["EU"]), region(AP, active=False), region(EU))
    )
    targets = {record.set_identifier: record.target for record in tree.records if record.name == tree.name}
    chains = {(record.name, record.set_identifier): record.target for record in tree.records}
    assert targets.keys() == {"EU", "default"}
    assert isinstance(head := targets["default"], Alias)
    assert chains[head.name, "primary"] == Leaf(f"{EU}.{DOMAIN}")


def test_a_company_is_an_alias_on_its_tree() -> None:
    plan = one_company(RoutingPolicy.LATENCY, region(US)).plan()
    assert plan.companies == {
        "a": Record(
            name=f"a.{DOMAIN}",
            set_identifier=None,
            routing=None,
            target=Alias(plan.trees[0].name),
            check=None,
        )
    }


def test_companies_of_one_shape_share_a_tree_and_its_checks() -> None:
    regions = (region(US), region(EU))
    companies = (
        CompanyRoute(namespace="a", regions=(US, EU)),
        CompanyRoute(namespace="b", regions=(EU, US)),
        CompanyRoute(namespace="c", regions=(US, EU), edge=2),
        CompanyRoute(namespace="d", regions=(US, EU), dedicated=True),
        CompanyRoute(namespace="e", regions=(US,), edge=2),
    )
    plan = Stack(policy=RoutingPolicy.LATENCY, regions=regions, companies=companies).plan()
    roots = {namespace: record.target for namespace, record in plan.companies.items()}
    assert roots["a"] == roots["b"]
    assert len(set(roots.values())) == len(plan.trees) == 4
    assert [check.key for check in plan.checks] == [
        "eu-west-1", "eu-west-1-2", "eu-west-1.d", "us-east-1", "us-east-1-2", "us-east-1.d"
    ]  # fmt: skip


def test_policy_failover_tells_orders_apart() -> None:
    companies = (CompanyRoute(namespace="a", regions=(US, EU)), CompanyRoute(namespace="b", regions=(EU, US)))
    plan = Stack(policy=RoutingPolicy.FAILOVER, regions=(region(US), region(EU)), companies=companies).plan()
    assert len(plan.trees) == 2


@pytest.mark.parametrize(
    ("company", "endpoints", "check"),
    [
        (
            CompanyRoute(namespace="a", regions=(US,)),
            {},
            HealthCheck(key=US, fqdn=f"{US}.{DOMAIN}", path="/healthz/us-east-1"),
        ),
        (
            CompanyRoute(namespace="a", regions=(US,), edge=2),
            {},
            HealthCheck(key="us-east-1-2", fqdn=f"us-east-1-2.{DOMAIN}", path="/healthz/us-east-1"),
        ),
        (
            CompanyRoute(namespace="2", regions=(US,), dedicated=True),
            {},
            HealthCheck(key="us-east-1.2", fqdn=f"{US}.{DOMAIN}", path="/healthz/us-east-1/2"),
        ),
        (
            CompanyRoute(namespace="a", regions=(US,), edge=2),
            {US: "lb.example.net"},
            HealthCheck(key=US, fqdn="lb.example.net", path="/healthz/us-east-1"),
        ),
        (
            CompanyRoute(namespace="a", regions=(US,), edge=2, dedicated=True),
            {US: "lb.example.net"},
            HealthCheck(key="us-east-1.a", fqdn="lb.example.net", path="/healthz/us-east-1/a"),
        ),
    ],
)
def test_a_check_watches_the_edge_or_endpoint_or_the_company_behind_it(
    company: CompanyRoute, endpoints: dict[str, str], check: HealthCheck
) -> None:
    assert health_check(domain=DOMAIN, company=company, region=US, endpoints=endpoints) == check


def test_edges_are_numbered_from_two_on() -> None:
    assert [edge_name(US, edge, DOMAIN) for edge in (1, 2)] == [f"{US}.{DOMAIN}", f"us-east-1-2.{DOMAIN}"]


# How the API writes it


@pytest.mark.parametrize(
    ("routing", "written"),
    [
        (Latency(US), {"Region": US}),
        (Weighted(0), {"Weight": 0}),
        (Failover("PRIMARY"), {"Failover": "PRIMARY"}),
        (Geolocation("default"), {"GeoLocation": {"CountryCode": "*"}}),
        (Geolocation("EU"), {"GeoLocation": {"ContinentCode": "EU"}}),
        (Geolocation("country:TR"), {"GeoLocation": {"CountryCode": "TR"}}),
    ],
)
def test_a_leaf_is_written_as_a_cname_with_policy_and_health_check(
    routing: Any, written: dict[str, Any]
) -> None:
    record = Record(
        name="x.example.com", set_identifier="id", routing=routing, target=Leaf("edge"), check="key"
    )
    assert to_api(record, {"key": "check-id"}, "Z") == {
        "Name": "x.example.com.",
        "Type": "CNAME",
        "SetIdentifier": "id",
        "TTL": 20,
        "ResourceRecords": [{"Value": "edge"}],
        "HealthCheckId": "check-id",
        **written,
    }


def test_an_alias_is_written_with_target_health_and_without_ttl() -> None:
    record = Record(
        name="x.example.com", set_identifier=None, routing=None, target=Alias("y.example.com"), check=None
    )
    assert to_api(record, {}, "Z") == {
        "Name": "x.example.com.",
        "Type": "CNAME",
        "AliasTarget": {"HostedZoneId": "Z", "DNSName": "y.example.com.", "EvaluateTargetHealth": True},
    }


# What cannot be planned


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"regions": (region(US), region(US))}, "regions: must be unique, got duplicates of ['us-east-1']"),
        (
            {"companies": (CompanyRoute(namespace="a", regions=(US,)),) * 2},
            "companies: must be unique, got duplicates of ['a']",
        ),
        (
            {"companies": (CompanyRoute(namespace="a", regions=(AP,)),)},
            "regions of company 'a': must be among ['eu-west-1', 'us-east-1'], got ['ap-southeast-2']",
        ),
        (
            {"companies": (CompanyRoute(namespace="a", regions=(EU,)),)},
            "regions of company 'a': must have an active one, got ['eu-west-1']",
        ),
        (
            {"policy": RoutingPolicy.GEO, "regions": (region(US, geo=["EU"]), region(EU, geo=["EU"]))},
            "geo codes in the regions of company 'a': must be unique, got duplicates of ['EU']",
        ),
        (
            {"companies": (CompanyRoute(namespace="a" * 64, regions=(US,)),)},
            f"a DNS name must have at most 255 bytes, in labels of 1 to 63; got '{'a' * 64}.{DOMAIN}'",
        ),
    ],
)
def test_an_invalid_stack_is_rejected(changes: dict[str, Any], text: str) -> None:
    stack = replace(one_company(RoutingPolicy.LATENCY, region(US), region(EU, active=False)), **changes)
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        stack.plan()


def test_names_within_a_tree_must_not_exceed_route53_s_limit() -> None:
    domain = ".".join(["d" * 63] * 3 + ["d" * 40])
    stack = one_company(RoutingPolicy.FAILOVER, region(US), region(EU), region(AP))
    with pytest.raises(ValueError, match="at most 255 bytes"):
        plan_records(domain=domain, policy=stack.policy, regions=stack.regions, companies=stack.companies)
