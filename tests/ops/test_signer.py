"""The operators' commands sign as the deployment does: with the stack file's profile and role."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from ops import aws, cluster_access
from ops.errors import OperatorError
from ops.stack import Stack
from settings import clusters_of, parse
from settings.aws_provider import AwsProvider
from tests.components.stacks import US, endpoint, stack

ROLE = "arn:aws:iam::123456789012:role/deployer"
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


def prod(signer: AwsProvider) -> Stack:
    settings = parse(stack(regions=[{**endpoint(US), "ingressFrom": ["10.0.0.0/24"]}]), "prod")
    return Stack(name="prod", file=Path("Pulumi.prod.yaml"), settings=settings.with_provider(signer))


def key_of(signer: AwsProvider) -> str:
    client = aws.aws_access(prod(signer), Path("state")).client("sts", US)
    return str(client._request_signer._credentials.get_frozen_credentials().access_key)


def test_without_a_signer_the_ambient_credentials_sign() -> None:
    assert key_of(AwsProvider()) == "AKIAAMBIENT"


def test_the_profile_of_the_stack_file_signs() -> None:
    assert key_of(AwsProvider(profile="prod-admin")) == "AKIAPROFILE"


def test_a_profile_that_this_machine_lacks_is_told() -> None:
    with pytest.raises(OperatorError, match=r"no AWS credentials.*nobody"):
        key_of(AwsProvider(profile="nobody"))


def test_the_role_of_the_stack_file_is_assumed_by_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.session

    create = botocore.session.Session.create_client
    asked: list[str] = []

    def created(self: Any, service: str, *arguments: Any, **named: Any) -> Any:
        client = create(self, service, *arguments, **named)
        if service == "sts" and named.get("aws_access_key_id"):
            asked.append(named["aws_access_key_id"])
            stubber = Stubber(client)
            credentials = {
                "AccessKeyId": "AKIAASSUMEDASSUMED",
                "SecretAccessKey": "s",
                "SessionToken": "t",
                "Expiration": "2099-01-01T00:00:00Z",
            }
            wanted = {"RoleArn": ROLE, "RoleSessionName": "deploying"}
            stubber.add_response("assume_role", {"Credentials": credentials}, wanted)
            stubber.activate()
        return client

    monkeypatch.setattr(botocore.session.Session, "create_client", created)
    signer = AwsProvider(profile="prod-admin", role_arn=ROLE, session_name="deploying")
    assert key_of(signer) == "AKIAASSUMEDASSUMED"
    assert asked == ["AKIAPROFILE"]


def test_a_cluster_s_token_is_of_the_same_identity() -> None:
    known = prod(AwsProvider(profile="prod-admin", role_arn=ROLE))
    (plan,) = clusters_of(known.settings)
    text, _ = cluster_access._kubeconfig(known, plan, {}, Path("state"))
    arguments = json.loads(text)["users"][0]["user"]["exec"]["args"]
    assert arguments[-4:] == ["--role-arn", ROLE, "--profile", "prod-admin"]
