"""All problems of a stack file are reported at once, and no consequences of other problems."""

from __future__ import annotations

import pytest

from settings import SettingsError, parse
from tests.settings.broken import ALL, Broken
from tests.settings.edits import EU, US, WEST, Edit, drop, edited, key_of, lines, on_eks, put


def keys(*edits: Edit, stack: str = "prod") -> list[str]:
    """The keys that the lines of a broken stack name, without the project's name."""
    return [key_of(line).removeprefix("digital-agency:") for line in lines(edited(*edits), stack)]


def test_problems_of_every_kind_are_reported_at_once_in_the_order_of_their_keys() -> None:
    problems = keys(
        put("regions[0].weight", -1),
        put("regions[1].name", US),
        put("companies[0].name", "default"),
        put("companies[1].agent.replicas", 2),
        put("companies[2].regions", [WEST]),
        put("loadBalancing.policy", "nearest"),
        put("replication.syncInterval", 1),
        put("colour", "blue"),
        drop("hostedZoneId"),
        drop("images"),
        stack="Prod",
    )
    assert problems == [
        "stack name",
        "colour",
        "companies[0].name",
        "companies[1].agent.replicas",
        "companies[2].regions",
        "hostedZoneId",
        "images.agency",
        "loadBalancing.policy",
        "regions[0].weight",
        "regions[1].name",
        "replication.syncInterval",
    ]


def test_an_empty_file_lacks_every_required_key() -> None:
    with pytest.raises(SettingsError) as raised:
        parse({}, "prod")
    keys = [key_of(line).partition(":")[2] for line in str(raised.value).splitlines()]
    assert keys == ["companies", "domain", "hostedZoneId", "images.agency", "regions"]


def test_each_item_of_a_list_is_reported_under_its_own_number() -> None:
    many = [{"name": f"client-{number}"} for number in range(12)]
    problems = keys(
        put("companies", many),
        put("companies[2]", {"nmae": "client-2"}),
        put("companies[3]", 3),
        put("companies[10].name", "kube-system"),
        put("companies[11].agent.replicas", 2),
    )
    assert problems == [
        "companies[2].nmae",
        "companies[3]",
        "companies[10].name",
        "companies[11].agent.replicas",
    ]


def test_a_company_s_regions_are_not_checked_while_a_region_has_an_invalid_name() -> None:
    edits = put("regions[1].name", "eu-wset-1"), put("companies[1].regions", [EU])
    assert keys(*edits) == ["regions[1].name"]


def test_a_region_counts_as_active_while_its_role_is_invalid() -> None:
    edits = put("regions[0].active", False), put("regions[1].active", "no")
    assert keys(*edits) == ["regions[1].active"]


def test_no_company_is_reported_for_passive_regions_when_all_are_passive() -> None:
    passive = [{"name": US, "active": False}, {"name": EU, "active": False}]
    edits = put("regions", passive), put("companies[1].regions", [EU])
    assert keys(*edits) == ["regions"]


def test_external_dns_is_not_reported_for_a_company_without_an_active_region() -> None:
    edits = (
        put("loadBalancing.manager", "external-dns"),
        put("regions[1].active", False),
        put("companies", [{"name": "client-a", "regions": [EU]}]),
    )
    assert keys(*edits) == ["companies[0].regions"]


def test_a_problem_of_one_company_hides_no_problem_of_another() -> None:
    edits = (
        put("companies[0].agent", {"replicas": 2, "accessMode": "RWX"}),
        put("companies[1].agent", {"replicas": 2}),
    )
    assert keys(*edits) == ["companies[0].agent.accessMode", "companies[1].agent.replicas"]


def test_a_problem_elsewhere_in_a_region_hides_no_problem_of_all_regions() -> None:
    edits = put("regions", [{"name": US, "active": False, "weight": -1}])
    assert keys(edits) == ["regions", "regions[0].weight"]


def test_a_missing_default_is_not_reported_while_a_geo_code_is_invalid() -> None:
    edits = put("loadBalancing.policy", "geo"), put("regions[0].geo", "default")
    assert keys(*edits) == ["regions[0].geo"]


def test_a_single_region_is_counted_although_its_name_is_invalid() -> None:
    edits = put("regions", ["us-esat-1"]), put("failover.enabled", True)
    assert keys(*edits) == ["failover.enabled", "regions[0].name"]


def test_companies_that_also_fill_the_next_edge_get_the_edge_after_it() -> None:
    first, second = lines(edited(on_eks, put("companies", [f"client-{n}" for n in range(200)])))
    assert first.startswith("digital-agency:companies[98].edge: must be 2, got 1. Edge 1 is full")
    assert first.endswith("The same applies to 97 more, companies[99] to companies[195].")
    assert second.startswith("digital-agency:companies[196].edge: must be 3, got 1. Edge 1 is full")


def test_a_list_of_invalid_items_is_not_reported_as_too_short() -> None:
    assert keys(put("regions", ["nowhere"])) == ["regions[0].name"]
    assert keys(put("regions[0].ingressFrom", ["nowhere"])) == ["regions[0].ingressFrom[0]"]


@pytest.mark.parametrize("broken", ALL, ids=lambda broken: broken.what)
def test_a_problem_is_reported_beside_an_unrelated_problem(broken: Broken) -> None:
    other = "waitForReady" if broken.key == "podUser" else "podUser"
    keys = [key_of(line) for line in lines(edited(broken.edit, put(other, "neither")), broken.stack)]
    assert sorted(keys) == sorted([broken.full_key, f"digital-agency:{other}"])
