"""Changes of routing: the new tree before the names, the old tree last, and nothing but records."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.components.stacks import EU, US, WEST
from tests.day_two.paper import Plan, deploy, edited, plan
from tests.day_two.stacks import ACME, BASE, GLOBEX, company, policy, region
from tests.recording import RECORD
from tests.strategies import Raw

NAMES = [f"{ACME}-name", f"{GLOBEX}-name"]


def assert_moves_to_new_trees(before: Raw, after: Raw, moved: list[str]) -> None:
    """Records alone are touched, and what running gates are told; each name moved when its whole tree stood,
    and the old went last.
    """
    whole, _ = deploy(before, after)
    assert all(name.endswith("-config") for name in whole.learned), whole.learned
    done = whole.rest
    assert done.kinds == {RECORD}, str(done)
    assert done.names("replace", "keep") == []
    assert done.names("update") == moved
    for name in moved:
        assert done.changed(name).keys() == {"aliases.0.name"}
    assert all("._tree" in name for name in done.names("create", "delete"))

    steps = list(done)
    position = {step.entry["urn"]: index for index, step in enumerate(steps)}
    for name in moved:
        tree = records_of_tree(done, name)
        new = tree & position.keys()
        assert tree, name
        assert all(position[one] < position[done.registered[name].urn] for one in new)
    deleted = done.where("delete")
    assert steps[-len(deleted) :] == deleted
    for step in deleted:  # who leads to a record goes before it
        assert all(
            position[needed] > position[step.entry["urn"]]
            for needed in step.entry["dependencies"]
            if needed in position
        )


def records_of_tree(done: Plan, name: str) -> set[str]:
    """URNs of all records of the tree to which a company's name leads: it must need every one of them."""
    registered = {one.urn: one for one in done.registered.values()}
    root = done.registered[name].inputs["aliases"][0]["name"]
    whole = {
        one.urn
        for one in registered.values()
        if one.type == RECORD and one.inputs["name"].endswith(root) and one.name != name
    }
    needed, open_ = set[str](), [done.registered[name].urn]
    while open_:
        for urn in registered[open_.pop()].dependencies & registered.keys() - needed:
            needed.add(urn)
            open_.append(urn)
    assert whole <= needed, f"{name} does not wait for {whole - needed}"
    return whole


@pytest.mark.parametrize(
    ("before", "after"),
    [("latency", "weighted"), ("weighted", "geo"), ("geo", "failover"), ("failover", "latency")],
)
def test_another_policy_builds_the_new_tree_then_moves_the_names_then_drops_the_old(
    before: str, after: str
) -> None:
    assert_moves_to_new_trees(policy(before), policy(after), NAMES)


def test_a_plan_shows_what_is_then_done() -> None:
    before, after = policy("latency"), policy("weighted")
    assert plan(before, after).actions == deploy(before, after)[0].actions


@pytest.mark.parametrize("name", ["latency", "weighted", "geo", "failover"])
def test_a_passive_region_turns_active_and_back_and_no_pod_rolls(name: str) -> None:
    before = policy(name)
    after = edited(before, region(WEST, active=True))
    assert_moves_to_new_trees(before, after, [f"{ACME}-name"])
    if name == "latency":
        assert_moves_to_new_trees(after, before, [f"{ACME}-name"])


def test_an_active_region_of_every_company_turns_passive_and_no_pod_rolls() -> None:
    assert_moves_to_new_trees(BASE, edited(BASE, region(US, active=False)), NAMES)


def test_a_weight_changes_the_weights_alone() -> None:
    before = policy("weighted")
    change = plan(before, edited(before, region(EU, weight=30)))
    assert set(change.actions.values()) == {"update"}
    leaves = change.names()
    assert len(leaves) == 2
    assert all(name.startswith(f"{EU}-leaf@") for name in leaves)
    for name in leaves:
        assert change.changed(name) == {"weightedRoutingPolicies.0.weight": (100, 30)}


@pytest.mark.parametrize(
    ("name", "change", "told"),
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
def test_gates_are_told_of_a_role_that_changes_who_takes_over(
    name: str, change: Callable[[Raw], object], told: list[str]
) -> None:
    """Under latency it no longer follows anybody; under failover one that came last anyway still does."""
    before = policy(name)
    found = plan(before, edited(before, change)).learned
    assert [one for one in found if one.startswith(ACME)] == [f"{ACME}-{where}-config" for where in told]


def test_the_order_of_regions_under_failover_is_a_change_of_records_and_settings() -> None:
    before = policy("failover")
    after = edited(before, lambda raw: raw["regions"].reverse())
    assert_moves_to_new_trees(before, after, [f"{ACME}-name"])
    after = edited(before, company(GLOBEX, regions=[EU, US]))
    assert_moves_to_new_trees(before, after, [f"{GLOBEX}-name"])


def test_health_checks_of_its_own_move_that_company_alone() -> None:
    after = edited(BASE, company(GLOBEX, dedicatedHealthChecks=True))
    change = plan(BASE, after)
    # The controllers of its clusters look at it beside their samples.
    assert change.learned == [f"eks-{name}-failover-settings" for name in (f"{EU}-green", f"{US}-blue")]
    change = change.rest
    assert change.names("update", "replace", "keep", kinds=(RECORD,)) == [f"{GLOBEX}-name"]
    assert all(
        GLOBEX in name or "._tree" in name or name.startswith((f"{US}-", f"{EU}-")) for name in change.actions
    )
    assert not any(name.startswith(f"{ACME}-") for name in change.actions)
    assert change.names("replace", "keep") == []
