"""A hosted zone in another account: every record, and nothing else, is written with the zone's role."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policy_pack.running import run as judge
from tests.components.stacks import EU, US, eks, stack
from tests.recording import CERTIFICATE, HEALTH_CHECK, RECORD, ROLE, Answers, Recording, _run, record
from tests.strategies import config_of

AWS_PROVIDER = "pulumi:providers:aws"
ROLE_ARN = "arn:aws:iam::444455556666:role/dns"
SETTINGS: dict[str, Any] = {"regions": [eks(US), eks(EU)], "hostedZoneRoleArn": ROLE_ARN}


@pytest.fixture(scope="module")
def run() -> Recording:
    return record(stack(**SETTINGS))


def assumed(run: Recording) -> list[dict[str, str]]:
    [provider] = run.of(AWS_PROVIDER)
    roles: list[dict[str, str]] = json.loads(provider.inputs["assumeRoles"])
    return roles


def test_every_record_is_written_with_the_role(run: Recording) -> None:
    [provider] = run.of(AWS_PROVIDER)
    records = run.of(RECORD)
    # Names of edges and companies, leaves, aliases, the certificates' validation.
    assert len(records) > 5 and "certificates-validation" in {each.name for each in records}
    for each in records:
        assert run.provider_of(each) is provider, each.name
    assert assumed(run) == [{"roleArn": ROLE_ARN}]
    assert provider.inputs["region"] == "us-east-1"


def test_everything_else_is_written_in_the_stack_s_own_account(run: Recording) -> None:
    for each in run.of(CERTIFICATE, HEALTH_CHECK, ROLE):
        assert not each.provider, each.name


def test_whoever_deploys_assumes_the_zone_s_role() -> None:
    config = config_of(stack(**SETTINGS)) | {
        "aws:region": US,
        "aws:profile": "prod-admin",
        "aws:assumeRoles": json.dumps([{"roleArn": "arn:aws:iam::111122223333:role/deployer"}]),
    }
    run = _run(config, "dev", Answers(), ("digital-agency:companies",), False)
    assert assumed(run) == [{"roleArn": "arn:aws:iam::111122223333:role/deployer"}, {"roleArn": ROLE_ARN}]
    [provider] = run.of(AWS_PROVIDER)
    assert provider.inputs["profile"] == "prod-admin"


def test_external_dns_leaves_only_the_certificates_record() -> None:
    run = record(stack(**SETTINGS, loadBalancing={"manager": "external-dns"}))
    [one] = run.of(RECORD)
    assert run.provider_of(one) is run.of(AWS_PROVIDER)[0]


def test_without_the_role_there_is_no_provider_and_no_record_changes(run: Recording) -> None:
    plain = record(stack(**{**SETTINGS, "hostedZoneRoleArn": None}))
    assert plain.of(AWS_PROVIDER) == []
    assert {each.urn: each.inputs for each in plain.of(RECORD)} == {
        each.urn: each.inputs for each in run.of(RECORD)
    }


def test_the_policies_hold(run: Recording) -> None:
    assert list(map(str, judge(run.by_urn).violations)) == []
