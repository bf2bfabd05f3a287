"""Each resource type from its creation to its end, in the real emulator."""

from __future__ import annotations

import pytest

from engine.values import COMPUTED
from tests.aws_provider.account import TYPES, Account
from tests.aws_provider.cases import CERTIFICATE, CHECK, ROLE
from tests.aws_provider.engine import Resource

STAYING = ("aws:s3/bucketVersioning:", "aws:s3/bucketObjectLockConfiguration:")
"""Types that S3 has no deletion for."""


@pytest.mark.parametrize("kind", TYPES)
def test_a_resource_is_created_and_then_nothing_is_to_do_and_nothing_has_drifted(
    account: Account, kind: str
) -> None:
    resource, case = account.case(kind)
    assert resource.failures(case.program) == {}
    planned = resource.preview(case.program)
    assert {name for name, value in planned.items() if value is COMPUTED} >= set(case.computed)
    assert resource.up(case.program) == "create"
    assert resource.id
    assert all(resource.outputs[name] for name in case.computed)
    assert case.program.items() <= resource.outputs.items()
    assert resource.refresh() == "same"
    assert resource.up(case.program) == "same"


@pytest.mark.parametrize("kind", TYPES)
def test_an_update_keeps_the_resource_and_nothing_has_drifted_after_it(account: Account, kind: str) -> None:
    resource, case = account.case(kind)
    resource.up(case.program)
    before = resource.id
    assert resource.up(case.update) == "update"
    assert (resource.id, resource.refresh()) == (before, "same")
    assert resource.up(case.program) in ("update", "replace, deleted first")
    assert resource.refresh() == "same"


@pytest.mark.parametrize("kind", TYPES)
def test_a_drift_is_seen_and_the_next_up_repairs_it(account: Account, kind: str) -> None:
    resource, case = account.case(kind)
    resource.up(case.program)
    account.call(resource, case.drift)
    assert resource.refresh() == "changed"
    assert case.drifted in resource.changes(case.program)
    assert resource.up(case.program) in ("update", "replace")
    assert resource.refresh() == "same"
    assert resource.up(case.program) == "same"


@pytest.mark.parametrize("kind", TYPES)
def test_a_change_of_an_immutable_property_replaces_the_resource(account: Account, kind: str) -> None:
    resource, case = account.case(kind)
    resource.up(case.program)
    before = Resource(account.provider, resource.type, resource.name, resource.id, resource.inputs)
    assert resource.up(case.replace) == case.replaced
    assert resource.refresh() == "same"
    if resource.id != before.id and not kind.startswith(STAYING):
        assert before.refresh() == "gone"


@pytest.mark.parametrize("kind", TYPES)
def test_a_deleted_resource_is_gone_and_can_be_created_again(account: Account, kind: str) -> None:
    resource, case = account.case(kind)
    resource.up(case.program)
    resource.delete()
    resource.delete()
    if not kind.startswith(STAYING):
        assert resource.refresh() == "gone"
    again = Resource(account.provider, resource.type, resource.name)
    assert again.up(case.program) == "create"
    assert again.refresh() == "same"


@pytest.mark.parametrize("kind", TYPES)
def test_a_resource_that_somebody_deleted_is_gone(account: Account, kind: str) -> None:
    resource, case = account.case(kind)
    resource.up(case.program)
    account.call(resource, case.removal)
    assert resource.refresh() == "gone"


@pytest.mark.parametrize("kind", TYPES)
def test_a_creation_that_was_interrupted_is_completed_and_nothing_is_there_twice(
    account: Account, kind: str
) -> None:
    first, case = account.case(kind)
    first.up(case.program)
    second = Resource(account.provider, first.type, first.name)
    assert second.up(case.update) == "create"
    assert second.id == first.id
    assert second.refresh() == "same"
    assert second.up(case.update) == "same"


@pytest.mark.parametrize("kind", [ROLE, CHECK, CERTIFICATE])
def test_a_creation_that_was_interrupted_before_a_change_that_replaces_leaves_one_resource(
    account: Account, kind: str
) -> None:
    first, case = account.case(kind)
    first.up(case.program)
    second = Resource(account.provider, first.type, first.name)
    second.up(case.replace)
    assert second.refresh() == "same"
    assert second.id == first.id or first.refresh() == "gone"


@pytest.mark.parametrize("kind", TYPES)
def test_an_import_by_the_id_alone_keeps_the_resource(account: Account, kind: str) -> None:
    first, case = account.case(kind)
    first.up(case.program)
    imported = Resource(account.provider_in_region, first.type, first.name)
    imported.adopt(first.id)
    assert imported.up(case.program) in ("same", "update")
    assert imported.refresh() != "gone"
    assert imported.id == first.id
    assert imported.up(case.program) == "same"
