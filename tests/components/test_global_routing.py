"""GlobalRouting: the aliases between a company's name and the regions' leaves, and their order."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.components import routing_rules
from tests.components.stacks import DOMAIN, EU, US, WEST, ZONE, eks, stack
from tests.recording import RECORD, Recording, is_config, record

REGIONS = [eks(US, geo=["default"]), eks(EU, geo=["EU", "country:TR"]), eks(WEST, active=False, weight=7)]
POLICIES = ("latency", "weighted", "geo", "failover")


def routed(policy: str, **more: Any) -> Recording:
    return record(stack(**{"regions": REGIONS, "loadBalancing": {"policy": policy}, **more}))


@pytest.fixture(scope="module", params=POLICIES)
def run(request: pytest.FixtureRequest) -> Recording:
    return routed(
        request.param, companies=["acme", "globex", {"name": "hooli", "dedicatedHealthChecks": True}]
    )


def by_name(run: Recording) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for resource in run.of(RECORD):
        found.setdefault(resource.inputs["name"], []).append(resource)
    return found


def target(resource: Any) -> str | None:
    aliases = resource.inputs.get("aliases")
    return aliases[0]["name"] if aliases else None


def test_the_promises_hold_for_the_records_of_the_graph(run: Recording) -> None:
    for rule in routing_rules.RULES:
        rule(run)


def test_an_alias_is_created_after_every_record_of_its_target(run: Recording) -> None:
    names = by_name(run)
    aliases = [resource for resource in run.of(RECORD) if target(resource)]
    assert aliases
    for resource in aliases:
        assert {of.urn for of in names[target(resource) or ""]} <= resource.dependencies, resource.name


def test_aliases_are_names_of_the_zone_whose_health_is_evaluated(run: Recording) -> None:
    for resource in run.of(RECORD):
        for alias in resource.inputs.get("aliases", []):
            assert (alias["zoneId"], alias["evaluateTargetHealth"]) == (ZONE, True)
            assert resource.inputs["type"] == "CNAME"
            assert "healthCheckId" not in resource.inputs


def test_a_company_s_name_is_one_alias_on_its_tree(run: Recording) -> None:
    for company in ("acme", "globex", "hooli"):
        (resource,) = by_name(run)[f"{company}.{DOMAIN}"]
        assert resource.name == f"{company}-name"
        assert run.by_urn[resource.parent].name == company
        assert "setIdentifier" not in resource.inputs
        assert re.fullmatch(rf"[0-9a-f]{{12}}\._tree\.{re.escape(DOMAIN)}", target(resource) or "")
    trees = {
        company: target(by_name(run)[f"{company}.{DOMAIN}"][0]) for company in ("acme", "globex", "hooli")
    }
    assert trees["acme"] == trees["globex"] != trees["hooli"]


def test_the_aliases_within_trees_belong_to_the_routing_and_the_leaves_to_their_regions(
    run: Recording,
) -> None:
    for resource in run.of(RECORD):
        parent = run.by_urn[resource.parent].type
        if "._tree." in resource.inputs["name"]:
            assert parent == (
                "agency:global_routing:GlobalRouting" if target(resource) else "agency:region:Region"
            )


def changed(before: Recording, after: Recording) -> tuple[set[str], set[str], set[str]]:
    """Names of resources that are new, gone, and other than before; settings that running programs are told
    aside.
    """
    new, old = after.by_urn.keys() - before.by_urn.keys(), before.by_urn.keys() - after.by_urn.keys()
    other = {
        resource.name
        for resource in before
        if resource.urn in after.by_urn and resource != after.by_urn[resource.urn] and not is_config(resource)
    }
    return {after.by_urn[urn].name for urn in new}, {before.by_urn[urn].name for urn in old}, other


def test_another_policy_is_another_tree_to_which_the_companies_names_move() -> None:
    new, gone, other = changed(routed("latency"), routed("failover"))
    assert other == {"acme-name"}
    assert new and gone
    assert all("_tree" in name for name in new | gone)


def test_a_region_that_turns_passive_is_another_tree() -> None:
    before = record(stack(regions=[eks(US), eks(EU)]))
    after = record(stack(regions=[eks(US), eks(EU, active=False)]))
    new, gone, other = changed(before, after)
    assert other == {"acme-name", EU}, "the name, and what the region's component tells of itself"
    assert before.named(EU).outputs == after.named(EU).outputs | {"active": True}
    assert new and all("_tree" in name for name in new | gone)


def test_a_weight_changes_its_leaf_and_nothing_else() -> None:
    heavier = [{**region, "weight": 50} if region["name"] == EU else region for region in REGIONS]
    before, after = routed("weighted"), routed("weighted", regions=heavier)
    new, gone, other = changed(before, after)
    assert (new, gone, len(other)) == (set(), set(), 1)
    (name,) = other
    resource, two = before.named(name).inputs, after.named(name).inputs
    assert {key for key in resource if resource[key] != two[key]} == {"weightedRoutingPolicies"}
    assert two["weightedRoutingPolicies"] == [{"weight": 50}]


def test_a_company_more_is_one_record_more() -> None:
    new, gone, other = changed(routed("geo"), routed("geo", companies=["acme", "globex"]))
    assert (gone, other) == (set(), set())
    assert [name for name in new if not name.startswith("globex")] == []


def test_a_geo_record_s_identifier_is_its_code() -> None:
    run = routed("geo")
    places = {
        resource.inputs["setIdentifier"]: resource.inputs["geolocationRoutingPolicies"]
        for resource in run.of(RECORD)
        if "geolocationRoutingPolicies" in resource.inputs
    }
    assert places == {
        "default": [{"country": "*"}],
        "EU": [{"continent": "EU"}],
        "country:TR": [{"country": "TR"}],
    }
