"""The real engine with the policy pack rejects violations, in previews and in deployments.

The breaks come in two groups, so that no two breaks of a preview have the same message.
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
        assert engine.up(whole()) == []
        yield engine


def broken(group: Sequence[Break], *, dry_run: bool = False) -> Registrations:
    registrations = whole(dry_run=dry_run)
    for case in group:
        case.change(registrations)
    return registrations


def assert_all_reported(
    violations: Sequence[tuple[str, str]], group: Sequence[Break], of: Registrations
) -> None:
    for case in group:
        assert any(policy == case.policy and case.message in message for policy, message in violations), case
    assert violations == sorted((case.policy, case.message) for case in run(of).violations)


def undecided(engine: Engine) -> list[str]:
    return [line for line in engine.lines if "can't run policy" in line]


def test_every_policy_is_broken_in_the_engine_and_no_two_breaks_of_a_preview_have_the_same_message() -> None:
    broken_here = [case for group in GROUPS.values() for case in group]

    assert {case.policy for case in broken_here} == {policy.name for policy in POLICIES}
    assert len(broken_here) == len(BREAKS)
    for group in GROUPS.values():
        assert len({str(case) for case in group}) == len(group)


def test_a_stack_that_keeps_every_policy_passes_its_first_preview(empty: Engine) -> None:
    assert empty.preview(whole(dry_run=True)) == []
    assert undecided(empty) == []


@broken_by_each_group
def test_a_first_preview_reports_every_break_beside_unknown_values(
    empty: Engine, group: Sequence[Break]
) -> None:
    registrations = broken(group, dry_run=True)

    assert_all_reported(empty.preview(registrations), group, registrations)


def test_a_deployed_stack_that_keeps_every_policy_passes_a_preview(deployed: Engine) -> None:
    assert deployed.preview(whole()) == []
    assert undecided(deployed) == []


@broken_by_each_group
def test_a_preview_of_a_deployed_stack_reports_every_break(deployed: Engine, group: Sequence[Break]) -> None:
    registrations = broken(group)

    assert_all_reported(deployed.preview(registrations), group, registrations)


def test_a_deployment_stops_before_it_changes_a_resource_that_breaks_a_policy(deployed: Engine) -> None:
    (case,) = (case for case in BREAKS if case.message == "forceDestroy is on")

    violations = deployed.up(broken([case]))

    assert [policy for policy, _ in violations] == [case.policy]
    assert deployed.inputs(BUCKET) and not any(each.get("forceDestroy") for each in deployed.inputs(BUCKET))


def test_a_deployment_of_a_stack_that_breaks_a_policy_as_a_whole_fails(deployed: Engine) -> None:
    (case,) = (case for case in BREAKS if case.policy == "a-region-is-active")

    assert {policy for policy, _ in deployed.up(broken([case]))} == {case.policy, *case.others}
