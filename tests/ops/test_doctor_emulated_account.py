"""`python -m ops doctor` on an emulated account: each prerequisite of the account missing in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.aws import emulator as emulator_service
from local.aws.emulator import Emulator
from ops.aws import AwsAccess
from ops.doctor import hosted_zone, in_account
from ops.doctor.findings import Finding
from ops.stack import Stack
from settings import parse
from tests.components.stacks import EU, US, eks, stack
from tests.ops.test_doctor import missing
from tests.strategies import Raw

DOMAIN = "agency.example.com"
DELEGATED = {"ns-2048.awsdns-64.com"}
"""A name server of each zone of the emulator."""


def in_aws(emulator: Emulator, **changes: Any) -> dict[str, Finding]:
    """The emulator's clusters have no VPC, and so no subnets for load balancers."""
    settings = parse(stack(**{"ingress": {"className": "nginx"}, **changes}), "dev")
    known = Stack(name="dev", file=Path("Pulumi.dev.yaml"), settings=settings)
    access = AwsAccess(local=True, arguments=emulator.credentials())
    return {
        one.what: one
        for check in (in_account.credentials, *in_account.CHECKS)
        for one in check(known, access)
    }


@pytest.fixture
def account(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    monkeypatch.setattr(hosted_zone, "name_servers", lambda _: DELEGATED)
    emulator_service.ensure_hosted_zone(emulator.url, "Z0DOCTOR", DOMAIN)
    for region in (US, EU):
        boto3.client("ec2", region_name=region, **emulator.credentials()).enable_ebs_encryption_by_default()
    client = boto3.client("eks", region_name=US, **emulator.credentials())
    network = {"subnetIds": ["subnet-1", "subnet-2"], "securityGroupIds": ["sg-1"]}
    client.create_cluster(
        name="doctor", roleArn="arn:aws:iam::123456789012:role/eks", resourcesVpcConfig=network
    )
    yield emulator
    client.delete_cluster(name="doctor")


def test_an_account_that_has_everything_lacks_nothing(account: Emulator) -> None:
    found = in_aws(account, hostedZoneId="Z0DOCTOR", regions=[eks(US, "doctor")])

    assert missing(found) == {}
    assert found["hosted zone Z0DOCTOR"].detail == DOMAIN
    assert found["EKS cluster doctor"].detail.startswith("ACTIVE")
    assert found["bucket agency-example-com-dev-us-east-1"].detail == "its name is free"


@pytest.mark.parametrize(
    ("changes", "what", "told"),
    [
        ({"hostedZoneId": "Z0NOBODYHASIT"}, "hosted zone Z0NOBODYHASIT", "NoSuchHostedZone"),
        (
            {"hostedZoneId": "Z0DOCTOR", "domain": "other.test"},
            "hosted zone Z0DOCTOR",
            "which other.test is not in",
        ),
        ({"regions": [eks(EU, "doctor")]}, "EKS cluster doctor", "ResourceNotFoundException"),
        (
            {
                "regions": [
                    eks(US, "doctor", certificateArn=f"arn:aws:acm:{US}:123456789012:certificate/none")
                ]
            },
            "certificate",
            "ResourceNotFoundException",
        ),
    ],
)
def test_what_the_account_has_not_is_missing(account: Emulator, changes: Raw, what: str, told: str) -> None:
    lacks = missing(
        in_aws(account, **{"hostedZoneId": "Z0DOCTOR", "regions": [eks(US, "doctor")], **changes})
    )

    assert lacks.keys() == {what}
    assert told in lacks[what].detail
    assert lacks[what].remedy


def test_volumes_that_would_not_be_encrypted_are_missing(account: Emulator) -> None:
    client = boto3.client("ec2", region_name=US, **account.credentials())
    client.disable_ebs_encryption_by_default()

    lacks = missing(in_aws(account, hostedZoneId="Z0DOCTOR", regions=[eks(US, "doctor")]))

    assert lacks.keys() == {"encryption of volumes"}
    assert f"enable-ebs-encryption-by-default --region {US}" in lacks["encryption of volumes"].remedy


def test_a_bucket_of_this_account_is_no_obstacle(account: Emulator) -> None:
    client = boto3.client("s3", region_name=US, **account.credentials())
    client.create_bucket(Bucket="agency-example-com-dev-us-east-1")
    try:
        found = in_aws(account, hostedZoneId="Z0DOCTOR", regions=[eks(US, "doctor")])
        assert found["bucket agency-example-com-dev-us-east-1"].detail == "it is this account's"
    finally:
        client.delete_bucket(Bucket="agency-example-com-dev-us-east-1")
