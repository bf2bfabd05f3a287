"""The real engine with the policy pack rejects what breaks a policy, in previews and in deployments.

The breaks are made in two groups: breaks of the same resource in the same words are not in one preview.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from policy_pack.pack import POLICIES
from policy_pack.running import run
from tests.policy_pack.breaks import BREAKS, Break
from tests.policy_pack.changes import Registrations, whole
from tests.policy_pack.engine import Engine, started
from tests.recording import BUCKET

COMPANIES = ("acme", "data", "a")
"""One is like most, one is protected, one has a secret."""
GROUPS = {"even": BREAKS[::2], "odd": BREAKS[1::2]}
broken_by_each_group = pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Nothing is deployed."""
    with started(tmp_path_factory.mktemp("empty")) as engine:
        yield engine


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A stack that keeps every policy is deployed."""
    with started(tmp_path_factory.mktemp("deployed")) as engine:
        assert engine.up(whole(*COMPANIES)) == []
        yield engine


def broken(group: Sequence[Break], *, dry_run: bool = False) -> Registrations:
    registrations = whole(*COMPANIES, dry_run=dry_run)
    for one in group:
        one.change(registrations)
    return registrations


def assert_all_told(found: Sequence[tuple[str, str]], group: Sequence[Break], of: Registrations) -> None:
    for one in group:
        assert any(policy == one.policy and one.told in message for policy, message in found), one
    assert found == sorted((one.policy, one.message) for one in run(of).violations)


def undecided(engine: Engine) -> list[str]:
    return [line for line in engine.lines if "can't run policy" in line]


def test_every_policy_is_broken_in_the_engine_and_no_two_breaks_of_a_preview_have_the_same_words() -> None:
    broken_here = [one for group in GROUPS.values() for one in group]

    assert {one.policy for one in broken_here} == {policy.name for policy in POLICIES}
    assert len(broken_here) == len(BREAKS)
    for group in GROUPS.values():
        assert len({str(one) for one in group}) == len(group)


def test_a_stack_that_keeps_every_policy_passes_its_first_preview(empty: Engine) -> None:
    assert empty.preview(whole(*COMPANIES, dry_run=True)) == []
    assert undecided(empty) == []


@broken_by_each_group
def test_a_first_preview_tells_every_break_beside_unknown_values(
    empty: Engine, group: Sequence[Break]
) -> None:
    registrations = broken(group, dry_run=True)

    assert_all_told(empty.preview(registrations), group, registrations)


def test_a_deployed_stack_that_keeps_every_policy_passes_a_preview(deployed: Engine) -> None:
    assert deployed.preview(whole(*COMPANIES)) == []
    assert undecided(deployed) == []


@broken_by_each_group
def test_a_preview_of_a_deployed_stack_tells_every_break(deployed: Engine, group: Sequence[Break]) -> None:
    registrations = broken(group)

    assert_all_told(deployed.preview(registrations), group, registrations)


def test_a_deployment_stops_before_it_changes_a_resource_that_breaks_a_policy(deployed: Engine) -> None:
    (one,) = (one for one in BREAKS if one.told == "forceDestroy is on")

    found = deployed.up(broken([one]))

    assert [policy for policy, _ in found] == [one.policy]
    assert deployed.inputs(BUCKET) and not any(each.get("forceDestroy") for each in deployed.inputs(BUCKET))


def test_a_deployment_of_a_stack_that_breaks_a_policy_as_a_whole_fails(deployed: Engine) -> None:
    (one,) = (one for one in BREAKS if one.policy == "a-region-is-active")

    assert [policy for policy, _ in deployed.up(broken([one]))] == [one.policy]
