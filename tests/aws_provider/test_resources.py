"""Each resource type from its creation to its end, in the real emulator."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from engine.values import COMPUTED
from local.aws_provider.api import AwsApi
from local.aws_provider.resources import Resources
from local.aws_provider.servicer import Provider
from local.emulator import Emulator, ensure_hosted_zone
from tests.aws_provider import cases
from tests.aws_provider.cases import BUCKET, RECORD, REGION, ROLE, ZONE, Case
from tests.aws_provider.engine import Resource, Values

PARTS = sorted(cases.buckets(""))
TYPES = [*PARTS, *cases.roles(""), *cases.others(""), *(f"{RECORD} {one}" for one in cases.records(""))]


@dataclass(frozen=True)
class Account:
    """The emulator's account, and the names of one test in it."""

    emulator: Emulator
    name: str

    def provider(self) -> Provider:
        """As a new run of the engine starts it."""
        return Provider(Resources(AwsApi(self.emulator.environment())))

    def resource(self, kind: str, name: str = "resource") -> Resource:
        return Resource(self.provider(), kind, f"{self.name}-{name}")

    def client(self, service: str, region: str = REGION) -> Any:
        return boto3.client(service, region_name=region, **self.emulator.credentials())

    def bucket(self, name: str, region: str = REGION) -> Resource:
        made = self.resource(BUCKET, name)
        made.up({"bucket": name, "region": region})
        return made

    def case(self, kind: str) -> tuple[Resource, Case]:
        """A resource of the type, and its case, with all that it needs."""
        kind, _, variant = kind.partition(" ")
        if kind in PARTS:
            for bucket in (f"{self.name}-one", f"{self.name}-two"):
                self.bucket(bucket)
                self.client("s3").put_bucket_versioning(
                    Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
                )
        elif kind == "aws:iam/rolePolicy:RolePolicy":
            self.resource(ROLE).up({"name": f"{self.name}-role", "assumeRolePolicy": "{}"})
        known = {
            **cases.buckets(self.name),
            **cases.roles(self.name),
            **cases.others(self.name),
            **{f"{RECORD} {name}": case for name, case in cases.records(self.name).items()},
        }
        return self.resource(kind), known[f"{kind} {variant}".strip()]

    def call(self, resource: Resource, call: tuple[str, str, Values]) -> None:
        service, method, parameters = call
        given = {key: resource.id if value == "{id}" else value for key, value in parameters.items()}
        getattr(self.client(service), method)(**given)


@pytest.fixture
def account(emulator: Emulator) -> Account:
    ensure_hosted_zone(emulator.url, ZONE, "example.com")
    return Account(emulator, f"t{uuid.uuid4().hex[:10]}")


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
def test_a_change_of_what_cannot_change_replaces_the_resource(account: Account, kind: str) -> None:
    resource, case = account.case(kind)
    resource.up(case.program)
    before = Resource(**vars(resource))
    assert resource.up(case.replace) == case.replaced
    assert resource.refresh() == "same"
    if resource.id != before.id and "Versioning" not in kind:
        assert before.refresh() == "gone"


@pytest.mark.parametrize("kind", TYPES)
def test_a_deleted_resource_is_gone_and_can_be_created_again(account: Account, kind: str) -> None:
    resource, case = account.case(kind)
    resource.up(case.program)
    resource.delete()
    resource.delete()
    if "Versioning" not in kind:
        assert resource.refresh() == "gone"
    again = Resource(account.provider(), resource.type, resource.name)
    assert again.up(case.program) == "create"
    assert again.refresh() == "same"


@pytest.mark.parametrize("kind", TYPES)
def test_a_resource_that_somebody_deleted_is_gone(account: Account, kind: str) -> None:
    resource, case = account.case(kind)
    resource.up(case.program)
    account.call(resource, case.removal)
    assert resource.refresh() == "gone"
    resource.id = resource.id or "unknown"


@pytest.mark.parametrize("kind", TYPES)
def test_a_creation_that_was_interrupted_is_completed_and_nothing_is_there_twice(
    account: Account, kind: str
) -> None:
    first, case = account.case(kind)
    first.up(case.program)
    second = Resource(account.provider(), first.type, first.name)
    assert second.up(case.update) == "create"
    assert second.id == first.id
    assert second.refresh() == "same"
    assert second.up(case.update) == "same"


@pytest.mark.parametrize("kind", TYPES)
def test_a_creation_that_was_interrupted_before_a_replacement_of_it_leaves_one_resource(
    account: Account, kind: str
) -> None:
    first, case = account.case(kind)
    first.up(case.program)
    if not any(word in kind for word in ("HealthCheck", "Certificate", "Role:")):
        return
    second = Resource(account.provider(), first.type, first.name)
    second.up(case.replace)
    assert second.refresh() == "same"
    if first.id != second.id:
        assert first.refresh() == "gone"
