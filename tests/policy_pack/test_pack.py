"""Every committed stack keeps every policy, and each policy has a break."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from docs import list_policies
from policy_pack.pack import POLICIES
from policy_pack.running import Findings, run
from tests.components.stacks import DOMAIN, EU, US, eks, many_companies, stack
from tests.policy_pack.breaks import BREAKS, Break
from tests.policy_pack.changes import COMPANIES_KEY, first, whole
from tests.policy_pack.rerun import findings
from tests.recording import INGRESS, ROOT, record, record_file

STACKS = sorted(ROOT.glob("Pulumi.*.yaml"))


def messages(findings: Findings) -> list[str]:
    return list(map(str, findings.violations))


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.name)
def test_the_committed_stacks_keep_every_policy(file: Path, preview: bool) -> None:
    found = run(record_file(file, dry_run=preview).by_urn)

    assert messages(found) == []
    assert found.undecided == []


@pytest.mark.parametrize("preview", [False, True])
def test_a_stack_of_companies_with_awkward_names_keeps_every_policy(preview: bool) -> None:
    recorded = record(many_companies(), secret_keys=[COMPANIES_KEY], dry_run=preview)

    assert messages(run(recorded.by_urn)) == []


def test_the_stack_keeps_every_policy_before_it_is_broken() -> None:
    assert messages(run(whole())) == []


@pytest.mark.parametrize("case", BREAKS, ids=str)
def test_a_break_is_reported_with_the_remedy(case: Break) -> None:
    registrations = whole()
    case.change(registrations)

    found = findings(whole(), registrations)

    violations = found.violations
    assert {violation.policy for violation in violations} == {case.policy, *case.others}
    assert any(case.message in violation.message for violation in violations), messages(found)
    remedies = {policy.name: policy.remediation_steps for policy in POLICIES}
    for violation in violations:
        assert violation.message.endswith(remedies[violation.policy] or "missing")
        assert violation.urn in registrations and registrations[violation.urn].name in violation.message


@pytest.mark.parametrize(
    "prefix", ["external-dns.kubernetes.io/", "external-dns.alpha.kubernetes.io/", "own/"]
)
def test_a_name_has_one_owner_where_external_dns_creates_it(prefix: str) -> None:
    balancing = {"policy": "latency", "manager": "external-dns", "annotationPrefix": prefix}
    settings = stack(
        regions=[eks(US), eks(EU)], companies=[{"name": "acme"}, {"name": "globex"}], loadBalancing=balancing
    )
    registrations = dict(record(settings).by_urn)
    assert messages(run(registrations)) == []

    ingress = first(registrations, INGRESS, "globex-agent@us-east-1")
    ingress.inputs["metadata"]["annotations"][f"{prefix}hostname"] = f"acme.{DOMAIN}"
    assert any("is that of acme-agent@us-east-1" in line for line in messages(run(registrations)))


def test_each_policy_has_a_break() -> None:
    assert {case.policy for case in BREAKS} == {policy.name for policy in POLICIES}
    assert len({policy.name for policy in POLICIES}) == len(POLICIES)


def test_each_policy_has_a_severity_and_a_remedy() -> None:
    for policy in POLICIES:
        assert policy.severity and policy.remediation_steps and policy.description, policy.name


def test_a_value_that_a_preview_does_not_know_leaves_a_policy_undecided() -> None:
    assert messages(run(whole(dry_run=True))) == []


def test_a_new_resource_that_a_run_excludes_is_not_checked() -> None:
    registrations = whole()
    for resource in list(registrations.values()):
        left_out = replace(
            resource, urn=f"{resource.urn}-new", name=f"{resource.name}-new", inputs={}, outputs={}
        )
        registrations[left_out.urn] = left_out

    assert messages(run(registrations)) == []


def test_the_page_of_policies_is_current() -> None:
    assert list_policies.OUT.read_text() == list_policies.page(), "run python -m docs.list_policies"
