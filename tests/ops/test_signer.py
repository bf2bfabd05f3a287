"""The operators' commands sign as the deployment does: with the stack file's profile and role."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.stub import ANY, Stubber

from ops import aws, cluster_access
from ops.errors import OperatorError
from ops.stack import Stack
from settings import clusters_of, parse
from settings.aws_provider import AwsProvider
from tests.components.stacks import US, endpoint, stack

ROLE = "arn:aws:iam::123456789012:role/deployer"
ZONE_ROLE = "arn:aws:iam::444455556666:role/dns"
PROFILES = """
[profile prod-admin]
region = us-east-1
aws_access_key_id = AKIAPROFILE
aws_secret_access_key = of-the-profile
"""


@pytest.fixture(autouse=True)
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config"
    file.write_text(PROFILES)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAAMBIENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ambient")


def prod(signer: AwsProvider, **more: Any) -> Stack:
    settings = parse(stack(**more, regions=[{**endpoint(US), "ingressFrom": ["10.0.0.0/24"]}]), "prod")
    return Stack(name="prod", file=Path("Pulumi.prod.yaml"), settings=settings.with_provider(signer))


def key_of(signer: AwsProvider) -> str:
    client = aws.aws_access(prod(signer), Path("state")).client("sts", US)
    return str(client._request_signer._credentials.get_frozen_credentials().access_key)


def test_without_a_signer_the_ambient_credentials_sign() -> None:
    assert key_of(AwsProvider()) == "AKIAAMBIENT"


def test_the_profile_of_the_stack_file_signs() -> None:
    assert key_of(AwsProvider(profile="prod-admin")) == "AKIAPROFILE"


def test_a_profile_that_this_machine_lacks_is_reported() -> None:
    with pytest.raises(OperatorError, match=r"no AWS credentials.*nobody"):
        key_of(AwsProvider(profile="nobody"))


def assuming(monkeypatch: pytest.MonkeyPatch, answers: dict[str, tuple[dict[str, str], str]]) -> None:
    """STS answers who has an access key: what is asked for, and the access key of the role."""
    create = botocore.session.Session.create_client

    def created(self: Any, service: str, *arguments: Any, **named: Any) -> Any:
        client = create(self, service, *arguments, **named)
        if service == "sts" and named.get("aws_access_key_id"):
            wanted, key = answers[named["aws_access_key_id"]]
            stubber = Stubber(client)
            credentials = {
                "AccessKeyId": key,
                "SecretAccessKey": "s",
                "SessionToken": "t",
                "Expiration": "2099-01-01T00:00:00Z",
            }
            stubber.add_response("assume_role", {"Credentials": credentials}, wanted)
            stubber.activate()
        return client

    monkeypatch.setattr(botocore.session.Session, "create_client", created)


BY_PROFILE = ({"RoleArn": ROLE, "RoleSessionName": "deploying"}, "AKIAASSUMEDASSUMED")


def test_the_role_of_the_stack_file_is_assumed_by_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    assuming(monkeypatch, {"AKIAPROFILE": BY_PROFILE})
    signer = AwsProvider(profile="prod-admin", role_arn=ROLE, session_name="deploying")
    assert key_of(signer) == "AKIAASSUMEDASSUMED"


@pytest.mark.parametrize("by_role", [True, False])
def test_the_zone_s_role_is_assumed_by_whoever_deploys(
    by_role: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployer = "AKIAASSUMEDASSUMED" if by_role else "AKIAPROFILE"
    of_zone = {"RoleArn": ZONE_ROLE, "RoleSessionName": ANY}
    assuming(monkeypatch, {"AKIAPROFILE": BY_PROFILE} | {deployer: (of_zone, "AKIAZONEZONEZONE")})
    signer = AwsProvider(profile="prod-admin", role_arn=ROLE if by_role else None, session_name="deploying")
    access = aws.aws_access(prod(signer, hostedZoneRoleArn=ZONE_ROLE), Path("state"))
    credentials = access.zone_client()._request_signer._credentials.get_frozen_credentials()
    assert credentials.access_key == "AKIAZONEZONEZONE"
    assert aws.aws_access(prod(AwsProvider()), Path("state")).zone_role is None


def test_a_cluster_s_token_is_of_the_same_identity() -> None:
    known = prod(AwsProvider(profile="prod-admin", role_arn=ROLE))
    (plan,) = clusters_of(known.settings)
    text, _ = cluster_access._kubeconfig(known, plan, {}, Path("state"))
    arguments = json.loads(text)["users"][0]["user"]["exec"]["args"]
    assert arguments[-4:] == ["--role-arn", ROLE, "--profile", "prod-admin"]
