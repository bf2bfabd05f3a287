"""All faults of a stack file are reported at once, and none that only follows from another."""

from __future__ import annotations

import pytest

from settings import SettingsError, parse
from tests.settings.broken import ALL, Broken
from tests.settings.edits import EU, US, WEST, Edit, drop, edited, lines, on_eks, put


def keys(*edits: Edit, stack: str = "prod") -> list[str]:
    """The keys that the lines of a broken stack name, without the project's name."""
    found = lines(edited(*edits), stack)
    return [line.partition(": got ")[0].removeprefix("digital-agency:") for line in found]


def test_faults_of_every_kind_are_reported_at_once_in_the_order_of_their_keys() -> None:
    found = keys(
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
    assert found == [
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


def test_an_empty_file_is_told_of_every_key_that_it_needs() -> None:
    with pytest.raises(SettingsError) as raised:
        parse({}, "prod")
    found = [line.partition(":")[2].partition(":")[0] for line in str(raised.value).splitlines()]
    assert found == ["companies", "domain", "hostedZoneId", "images.agency", "regions"]


def test_each_item_of_a_list_is_reported_under_its_own_number() -> None:
    many = [{"name": f"client-{number}"} for number in range(12)]
    found = keys(
        put("companies", many),
        put("companies[2]", {"nmae": "client-2"}),
        put("companies[3]", 3),
        put("companies[10].name", "kube-system"),
        put("companies[11].agent.replicas", 2),
    )
    assert found == [
        "companies[2].nmae",
        "companies[3]",
        "companies[10].name",
        "companies[11].agent.replicas",
    ]


def test_a_company_says_nothing_about_its_regions_while_a_region_has_no_right_name() -> None:
    edits = put("regions[1].name", "eu-wset-1"), put("companies[1].regions", [EU])
    assert keys(*edits) == ["regions[1].name"]


def test_the_regions_count_as_active_while_a_role_is_at_fault() -> None:
    edits = put("regions[0].active", False), put("regions[1].active", "no")
    assert keys(*edits) == ["regions[1].active"]


def test_no_company_is_told_that_its_regions_are_passive_when_all_are() -> None:
    passive = [{"name": US, "active": False}, {"name": EU, "active": False}]
    edits = put("regions", passive), put("companies[1].regions", [EU])
    assert keys(*edits) == ["regions"]


def test_external_dns_is_not_blamed_for_a_company_without_an_active_region() -> None:
    edits = (
        put("loadBalancing.manager", "external-dns"),
        put("regions[1].active", False),
        put("companies", [{"name": "client-a", "regions": [EU]}]),
    )
    assert keys(*edits) == ["companies[0].regions"]


def test_a_fault_of_one_company_hides_no_fault_of_another() -> None:
    edits = (
        put("companies[0].agent", {"replicas": 2, "accessMode": "RWX"}),
        put("companies[1].agent", {"replicas": 2}),
    )
    assert keys(*edits) == ["companies[0].agent.accessMode", "companies[1].agent.replicas"]


def test_a_fault_elsewhere_in_a_region_hides_no_fault_over_all_regions() -> None:
    edits = put("regions", [{"name": US, "active": False, "weight": -1}])
    assert keys(edits) == ["regions", "regions[0].weight"]


def test_a_default_place_is_not_missed_while_a_place_is_at_fault() -> None:
    edits = put("loadBalancing.policy", "geo"), put("regions[0].geo", "default")
    assert keys(*edits) == ["regions[0].geo"]


def test_a_single_region_is_counted_although_its_name_is_at_fault() -> None:
    edits = put("regions", ["us-esat-1"]), put("failover.enabled", True)
    assert keys(*edits) == ["failover.enabled", "regions[0].name"]


def test_companies_that_fill_the_next_edge_too_are_told_the_one_after_it() -> None:
    first, second = lines(edited(on_eks, put("companies", [f"client-{n}" for n in range(200)])))
    assert first.startswith("digital-agency:companies[98].edge: got 1; accepted: 2, for edge 1 is full")
    assert first.endswith("the same for 97 more, companies[99] to companies[195]")
    assert second.startswith("digital-agency:companies[196].edge: got 1; accepted: 3, for edge 1 is full")


def test_a_list_of_bad_items_is_not_called_too_short() -> None:
    assert keys(put("regions", ["nowhere"])) == ["regions[0].name"]
    assert keys(put("regions[0].ingressFrom", ["nowhere"])) == ["regions[0].ingressFrom[0]"]


@pytest.mark.parametrize("broken", ALL, ids=lambda broken: broken.what)
def test_a_fault_is_reported_beside_one_that_has_nothing_to_do_with_it(broken: Broken) -> None:
    other = "waitForReady" if broken.key == "podUser" else "podUser"
    found = lines(edited(broken.edit, put(other, "neither")), broken.stack)
    assert {line.partition(": got ")[0] for line in found} == {broken.full_key, f"digital-agency:{other}"}
    assert len(found) == 2
