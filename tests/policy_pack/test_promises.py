"""The pack reports whatever breaks a promise, and no ordinary change."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from policy_pack.running import run
from tests.policy_pack.broken import BROKEN
from tests.policy_pack.changes import COMPANIES_KEY, first, several_companies, whole
from tests.policy_pack.edits import Change
from tests.policy_pack.ordinary import RESOURCES, STACK_FILES, changed, digests, irsa
from tests.policy_pack.rerun import OF_THE_STACK, findings
from tests.policy_pack.test_pack import messages
from tests.recording import ROLE, SERVICE_ACCOUNT, record
from tests.strategies import Raw


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_a_change_that_breaks_a_promise_is_reported(change: Change) -> None:
    registrations = whole()
    change(registrations)

    assert messages(findings(whole(), registrations))


@pytest.mark.parametrize("change", RESOURCES.values(), ids=RESOURCES)
def test_an_ordinary_change_of_a_resource_is_not_reported(change: Change) -> None:
    registrations = whole()
    change(registrations)

    assert messages(findings(whole(), registrations)) == []


@pytest.mark.parametrize("preview", [False, True], ids=["deployed", "first preview"])
@pytest.mark.parametrize("change", STACK_FILES.values(), ids=STACK_FILES)
def test_an_ordinary_change_of_the_stack_file_is_not_reported(
    change: Callable[[Raw], None], preview: bool
) -> None:
    registrations = record(changed(change), secret_keys=[COMPANIES_KEY], dry_run=preview).by_urn

    assert messages(run(registrations)) == []


@pytest.mark.parametrize(
    "image", ["registry.example.com/agency:1.4.2", "registry.example.com/agency@sha256:12"]
)
@pytest.mark.parametrize("part", ["containers", "initContainers"])
def test_a_demanded_digest_is_that_of_every_container(part: str, image: str) -> None:
    registrations = dict(record(changed(digests), secret_keys=[COMPANIES_KEY]).by_urn)
    workload = first(registrations, "kubernetes:apps/v1:StatefulSet")
    workload.inputs["spec"]["template"]["spec"][part][-1]["image"] = image

    assert any(f"the image {image} has no digest" in each for each in messages(run(registrations)))


FEDERATED = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABCDEF0123456789"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (":agent-us-east-1", ":default"),
        ("system:serviceaccount:acme:", "system:serviceaccount:globex:"),
        ("system:serviceaccount:acme:", "system:serviceaccount:data:"),
        ("StringEquals", "StringLike"),
        ("sts.amazonaws.com", "elsewhere"),
        (FEDERATED, "arn:aws:iam::999999999999:root"),
    ],
)
def test_a_role_for_a_service_account_trusts_no_other(old: str, new: str) -> None:
    registrations = dict(record(changed(irsa), secret_keys=[COMPANIES_KEY]).by_urn)
    role = first(registrations, ROLE, "acme", where=lambda each: old in each.inputs["assumeRolePolicy"])
    role.inputs["assumeRolePolicy"] = role.inputs["assumeRolePolicy"].replace(old, new)

    assert messages(run(registrations))


def test_a_service_account_has_its_own_role() -> None:
    registrations = dict(record(changed(irsa), secret_keys=[COMPANIES_KEY]).by_urn)
    account = first(registrations, SERVICE_ACCOUNT, "acme-agent@us-east-1")
    other = first(registrations, SERVICE_ACCOUNT, "data-agent@us-east-1")
    account.inputs["metadata"]["annotations"] = dict(other.inputs["metadata"]["annotations"])

    assert any("a role that is not its own" in each for each in messages(run(registrations)))


@pytest.mark.parametrize("company", ["a", "acme"])
def test_a_company_may_leave_though_a_refresh_lists_its_resources_still(company: str) -> None:
    raw = several_companies()
    raw["companies"] = [each for each in raw["companies"] if each["name"] != company]
    staying = record(raw, secret_keys=[COMPANIES_KEY]).by_urn

    assert messages(run({**whole(), **staying}, OF_THE_STACK)) == []
