"""Interrupted creations and replacements are completed; retained buckets are not taken for them."""

from __future__ import annotations

import re

import pytest

from local.aws.provider.resources import Resources
from local.aws.provider.servicer import Provider
from tests.aws_provider.account import Account
from tests.aws_provider.cases import BUCKET, CERTIFICATE, CHECK, RECORD, REGION, ROLE
from tests.aws_provider.engine import ProviderError, Resource


def checks(account: Account) -> list[str]:
    """The ids of the test's health checks."""
    result = account.client("route53").list_health_checks()["HealthChecks"]
    hosts = {each["Id"]: each["HealthCheckConfig"]["FullyQualifiedDomainName"] for each in result}
    return [identity for identity, host in hosts.items() if account.name in host]


def test_a_kept_bucket_is_taken_over_only_by_an_import(account: Account) -> None:
    name = f"{account.name}-kept"
    program = {"bucket": name, "region": REGION}
    first = account.bucket(name)
    versioning = account.resource("aws:s3/bucketVersioning:BucketVersioning")
    versioning.up({**program, "versioningConfiguration": {"status": "Enabled"}})
    again = Resource(account.provider, BUCKET, first.name)
    message = (
        f"bucket {name} was retained by an earlier deployment; add `adopt: true` to regions[name={REGION}]"
        " in the stack file"
    )
    with pytest.raises(ProviderError, match=re.escape(message)):
        again.up(program)
    again.adopt(f"{name}@{REGION}")
    assert (again.id, again.inputs["region"]) == (name, REGION)
    assert again.up(program) == "same"
    assert again.refresh() == "same"


def test_a_bucket_is_kept_from_the_end_of_the_run_that_created_it(account: Account) -> None:
    name = f"{account.name}-kept"
    resources = Resources(account.api)
    first = Resource(lambda: Provider(resources), BUCKET, name)
    first.up({"bucket": name})
    resources.buckets.close()
    with pytest.raises(ProviderError, match=f"bucket {name} was retained by an earlier deployment"):
        account.resource(BUCKET).up({"bucket": name})


def test_a_bucket_that_somebody_else_made_is_not_taken_for_an_interrupted_creation(account: Account) -> None:
    account.client("s3", "us-east-1").create_bucket(Bucket=f"{account.name}-other")
    with pytest.raises(ProviderError, match="was retained by an earlier deployment"):
        account.resource(BUCKET).up({"bucket": f"{account.name}-other"})


def test_an_interrupted_bucket_moves_to_the_region_that_the_program_names_now(account: Account) -> None:
    name = f"{account.name}-moves"
    account.bucket(name)
    again = account.bucket(name, "us-west-2")
    assert again.refresh() == "same"
    assert account.client("s3").head_bucket(Bucket=name)["BucketRegion"] == "us-west-2"


def test_a_bucket_that_is_not_there_cannot_be_imported(account: Account) -> None:
    with pytest.raises(ProviderError, match="there is no bucket nonesuch to adopt: remove `adopt: true`"):
        account.resource(BUCKET).adopt(f"nonesuch@{REGION}")


@pytest.mark.parametrize("kind", [CHECK, CERTIFICATE])
def test_an_interrupted_replacement_is_completed_with_one_resource(account: Account, kind: str) -> None:
    resource, case = account.case(kind)
    resource.up(case.program)
    interrupted = Resource(account.provider, kind, resource.name, resource.id, resource.inputs)
    news = interrupted.check(case.replace)
    interrupted.create(interrupted.check(case.replace, fresh=True))
    assert resource.up(case.replace) == "replace"
    assert resource.id == interrupted.id
    assert news["__token"] != resource.inputs["__token"]
    if kind == CHECK:
        assert checks(account) == [resource.id]
    assert resource.up(case.program) == "replace"
    assert resource.refresh() == "same"


@pytest.mark.parametrize("kind", [CHECK, ROLE, f"{RECORD} plain", "aws:iam/rolePolicy:RolePolicy"])
def test_a_replacement_that_the_user_asks_for_never_deletes_the_new_one(account: Account, kind: str) -> None:
    resource, case = account.case(kind)
    resource.up(case.program)
    resource.provider = account.provider()
    resource.replace(case.program, first=False)
    assert resource.refresh() == "same"
