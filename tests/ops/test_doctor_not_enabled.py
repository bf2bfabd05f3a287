"""`doctor` on a stack whose first region is not enabled in the account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.doctor import in_account
from ops.doctor.account_regions import regions
from ops.doctor.findings import Finding
from ops.doctor.keys import kms_keys
from ops.stack import Stack
from settings import parse
from settings.aws_provider import AwsProvider
from tests.components.stacks import EU, US, eks, stack
from tests.ops.fake_aws import Answer, FakeAws, fake_aws, findings, refuse

CAPE = "af-south-1"
STATES = {"Regions": [{"RegionName": CAPE, "OptInStatus": "not-opted-in"}]}


class NotEnabled(FakeAws):
    """AWS in which the credentials are valid in one region alone."""

    def client(self, service: str, region: str) -> Any:
        if region != self.arguments["enabled"]:
            refuse("InvalidClientTokenId")
        return super().client(service, region)


@pytest.mark.parametrize(("configured", "enabled"), [(None, US), (EU, EU)])
def test_a_first_region_that_is_not_enabled_is_named(configured: str | None, enabled: str) -> None:
    arguments: Any = {**fake_aws({"ec2.describe_regions": STATES}).arguments, "enabled": enabled}
    access = NotEnabled(local=False, arguments=arguments, signer=AwsProvider(region=configured))
    known = Stack(name="dev", file=Path("Pulumi.dev.yaml"), settings=parse(stack(regions=[eks(CAPE)]), "dev"))
    found = [one for check in (in_account.credentials, regions) for one in check(known, access)]
    assert [(one.what, one.ok) for one in found] == [("credentials", True), ("region", False)]
    assert f"enable-region --region-name {CAPE}" in found[1].remedy


def test_the_identity_is_asked_once() -> None:
    access = fake_aws({})
    assert access.identity["Account"] == access.identity["Account"] == "111122223333"
    assert access.asked == ["sts.get_caller_identity"]


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "UnrecognizedClientException"])
def test_what_a_region_that_is_not_enabled_answers_is_no_lack_of_a_right(code: str) -> None:
    region = eks(CAPE, kmsKeyArn=f"arn:aws:kms:{CAPE}:111122223333:key/1")
    answers: dict[str, Answer] = {"kms.describe_key": code}
    found: list[Finding] = findings(kms_keys, answers, regions=[region])
    [one] = found
    assert not one.ok and one.detail.startswith("not known")
    assert "enabled in this account" in one.remedy and "allow" not in one.remedy
