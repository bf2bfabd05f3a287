"""Changes of routing: the new tree before the names, the old tree last, and nothing but records."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.components.stacks import EU, US, WEST
from tests.day_two.plans import Plan, registered
from tests.day_two.running import Running
from tests.day_two.stacks import ACME, BASE, CLUSTERS, GLOBEX, company, edited, policy, region
from tests.recording import RECORD, record
from tests.strategies import Raw

NAMES = [f"{ACME}-name", f"{GLOBEX}-name"]
ACTIVE = edited(BASE, region(WEST, active=True))


def assert_moves_to_new_trees(change: Plan, after: Raw, moved: list[str]) -> None:
    """Records alone are touched, and the live configs of gates; each name moves, to a tree all of which it
    depends on.
    """
    assert all(name.endswith("-config") for name in change.learned), change.learned
    done = change.rest
    assert done.kinds == {RECORD}, str(done)
    assert done.names("replace", "keep") == []
    assert done.names("update") == moved
    for name in moved:
        assert done.changed(name).keys() == {"aliases.0.name"}
        assert records_of_tree(after, name)
    assert all("._tree" in name for name in done.names("create", "delete"))


def assert_in_order(done: Plan, before: Raw, after: Raw, moved: list[str]) -> None:
    """Each name moved when its whole tree stood, and the old went last, who leads to a record before it."""
    assert_moves_to_new_trees(done, after, moved)
    steps = list(done.rest)
    position = {step.urn: index for index, step in enumerate(steps)}
    for name in moved:
        new = records_of_tree(after, name) & position.keys()
        assert all(position[one] < position[record(after).named(name).urn] for one in new)
    deleted = done.where("delete")
    assert steps[-len(deleted) :] == deleted
    for step in deleted:
        needed = record(before).by_urn[step.urn].dependencies & position.keys()
        assert all(position[one] > position[step.urn] for one in needed)


def records_of_tree(raw: Raw, name: str) -> set[str]:
    """URNs of all records of the tree to which a company's name leads: it must need every one of them."""
    by_urn = record(raw).by_urn
    top = record(raw).named(name)
    root = top.inputs["aliases"][0]["name"]
    whole = {
        one.urn
        for one in by_urn.values()
        if one.type == RECORD and one.inputs["name"].endswith(root) and one.urn != top.urn
    }
    needed, open_ = set[str](), [top.urn]
    while open_:
        for urn in by_urn[open_.pop()].dependencies & by_urn.keys() - needed:
            needed.add(urn)
            open_.append(urn)
    assert whole <= needed, f"{name} does not wait for {whole - needed}"
    return whole


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("latency", "weighted"),
        pytest.param("weighted", "geo", marks=pytest.mark.slow),
        pytest.param("geo", "failover", marks=pytest.mark.slow),
        pytest.param("failover", "latency", marks=pytest.mark.slow),
    ],
)
def test_another_policy_builds_the_new_tree_then_moves_the_names_then_drops_the_old(
    running: Running, before: str, after: str
) -> None:
    done = running.deploy(policy(before), policy(after))
    assert done.actions == registered(policy(before), policy(after)).actions
    assert_in_order(done, policy(before), policy(after), NAMES)


def test_a_preview_shows_what_is_then_done_when_a_passive_region_turns_active(running: Running) -> None:
    planned, done = running.plan(BASE, ACTIVE), running.deploy(BASE, ACTIVE)
    assert planned.actions == done.actions
    assert_in_order(done, BASE, ACTIVE, [f"{ACME}-name"])


def test_a_region_turns_passive_again_and_no_pod_rolls(running: Running) -> None:
    assert_in_order(running.deploy(ACTIVE, BASE), ACTIVE, BASE, [f"{ACME}-name"])


@pytest.mark.parametrize("name", ["weighted", "geo", "failover"])
def test_a_passive_region_turns_active_under_every_policy_and_no_pod_rolls(name: str) -> None:
    after = edited(policy(name), region(WEST, active=True))
    assert_moves_to_new_trees(registered(policy(name), after), after, [f"{ACME}-name"])


def test_an_active_region_of_every_company_turns_passive_and_no_pod_rolls() -> None:
    after = edited(BASE, region(US, active=False))
    assert_moves_to_new_trees(registered(BASE, after), after, NAMES)


def test_a_weight_changes_the_weights_alone() -> None:
    before = policy("weighted")
    change = registered(before, edited(before, region(EU, weight=30)))
    assert set(change.actions.values()) == {"update"}
    leaves = change.names()
    assert len(leaves) == 2
    assert all(name.startswith(f"{EU}-leaf@") for name in leaves)
    for name in leaves:
        assert change.changed(name) == {"weightedRoutingPolicies.0.weight": (100, 30)}


@pytest.mark.parametrize(
    ("name", "change", "workloads"),
    [
        ("latency", region(WEST, active=True), [f"brain@{WEST}"]),
        ("failover", region(WEST, active=True), []),
        (
            "failover",
            region(US, active=False),
            [f"{kind}@{at}" for kind in ("agent", "brain") for at in (EU, US, WEST)],
        ),
    ],
)
def test_gates_get_a_role_that_changes_who_takes_over(
    name: str, change: Callable[[Raw], object], workloads: list[str]
) -> None:
    """Under latency it no longer follows anybody; under failover one that came last anyway still does."""
    found = registered(policy(name), edited(policy(name), change)).learned
    assert [one for one in found if one.startswith(ACME)] == [f"{ACME}-{where}-config" for where in workloads]


def test_the_order_of_regions_under_failover_is_a_change_of_records_and_settings() -> None:
    before = policy("failover")
    after = edited(before, lambda raw: raw["regions"].reverse())
    assert_moves_to_new_trees(registered(before, after), after, [f"{ACME}-name"])
    after = edited(before, company(GLOBEX, regions=[EU, US]))
    assert_moves_to_new_trees(registered(before, after), after, [f"{GLOBEX}-name"])


def test_health_checks_of_its_own_move_that_company_alone() -> None:
    change = registered(BASE, edited(BASE, company(GLOBEX, dedicatedHealthChecks=True)))
    # The controllers of its clusters look at it beside their samples.
    assert change.learned == [f"{CLUSTERS[name]}-failover-settings" for name in (EU, US)]
    change = change.rest
    assert change.names("update") == [f"{GLOBEX}-name"]
    assert change.changed(f"{GLOBEX}-name").keys() == {"aliases.0.name"}
    assert all(
        GLOBEX in name or "._tree" in name or name.startswith((f"{US}-", f"{EU}-")) for name in change.actions
    )
    assert not any(name.startswith(f"{ACME}-") for name in change.actions)
    assert change.names("keep") == []
