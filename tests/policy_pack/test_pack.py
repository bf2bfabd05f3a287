"""Every committed stack keeps every policy, and each policy has something that breaks it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from docs import list_policies
from policy_pack.pack import POLICIES
from policy_pack.running import Findings, run
from tests.policy_pack.breaks import BREAKS, Break
from tests.policy_pack.changes import whole
from tests.recording import ROOT, record_file

STACKS = sorted(ROOT.glob("Pulumi.*.yaml"))


def told(findings: Findings) -> list[str]:
    return [str(one) for one in findings.violations]


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.name)
def test_the_committed_stacks_keep_every_policy(file: Path, preview: bool) -> None:
    findings = run(record_file(file, dry_run=preview).by_urn)

    assert told(findings) == []
    assert findings.undecided == []


def test_the_stack_that_is_broken_below_is_whole() -> None:
    assert told(run(whole())) == []


@pytest.mark.parametrize("one", BREAKS, ids=str)
def test_what_breaks_a_policy_is_told_with_the_remedy(one: Break) -> None:
    registrations = whole()
    one.change(registrations)

    found = run(registrations).violations

    assert {each.policy for each in found} == {one.policy}
    assert any(one.told in each.message for each in found), told(run(registrations))
    (policy,) = (policy for policy in POLICIES if policy.name == one.policy)
    for each in found:
        assert policy.remediation_steps and each.message.endswith(policy.remediation_steps)
        assert each.urn in registrations and registrations[each.urn].name in each.message


def test_each_policy_has_something_that_breaks_it() -> None:
    assert {one.policy for one in BREAKS} == {policy.name for policy in POLICIES}
    assert len({policy.name for policy in POLICIES}) == len(POLICIES)


def test_each_has_a_weight_and_a_remedy() -> None:
    for policy in POLICIES:
        assert policy.severity and policy.remediation_steps and policy.description, policy.name


def test_a_value_that_a_preview_does_not_know_leaves_a_policy_undecided() -> None:
    assert told(run(whole(dry_run=True))) == []


def test_a_new_resource_that_a_run_leaves_out_is_not_looked_at() -> None:
    registrations = whole()
    for one in list(registrations.values()):
        left_out = replace(one, urn=f"{one.urn}-new", name=f"{one.name}-new", inputs={}, outputs={})
        registrations[left_out.urn] = left_out

    assert told(run(registrations)) == []


def test_the_page_of_policies_is_current() -> None:
    assert list_policies.OUT.read_text() == list_policies.page(), "run python -m docs.list_policies"
