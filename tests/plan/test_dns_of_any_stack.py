"""Properties of the record plan of any stack: names, counts, and the effects of each change."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from plan.geo import is_geo_code
from plan.records import (
    LEAF_TTL,
    Alias,
    CompanyRoute,
    Leaf,
    Record,
    RecordPlan,
    RoutingPolicy,
    Weighted,
)
from tests.plan.route_stacks import DOMAIN, GEO_CODES, Stack, region, stacks

US, EU = "us-east-1", "eu-west-1"


def without_weights(records: Iterable[Record]) -> list[Record]:
    return [
        replace(each, routing=Weighted(0)) if isinstance(each.routing, Weighted) else each for each in records
    ]


def without_values(records: Iterable[Record]) -> list[Record]:
    return [
        replace(each, target=Leaf(""), check=None) if isinstance(each.target, Leaf) else each
        for each in records
    ]


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
