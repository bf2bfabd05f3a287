"""Whose credentials sign: those of the AWS provider in the stack file, for every client."""

from __future__ import annotations

import json

import pytest

from settings import SettingsError, from_config
from tests.components.stacks import eks, stack
from tests.recording import INGRESS, KUBERNETES_PROVIDER, Answers, Recording, _run
from tests.settings.edits import EU, US
from tests.strategies import config_of

ROLE = "arn:aws:iam::123456789012:role/deployer"
ALB_TAGS = "alb.ingress.kubernetes.io/tags"


def config(**keys: object) -> dict[str, str]:
    own = {
        f"aws:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in keys.items()
    }
    return config_of(stack(regions=[eks(US), eks(EU)])) | own


def record(**keys: object) -> Recording:
    return _run(config(**keys), "prod", Answers(), (), False)


def tokens(run: Recording) -> list[list[str]]:
    """Arguments of the command that fetches each cluster's token."""
    return [
        json.loads(provider.inputs["kubeconfig"])["users"][0]["user"]["exec"]["args"]
        for provider in run.of(KUBERNETES_PROVIDER)
    ]


@pytest.mark.parametrize(
    ("keys", "end"),
    [
        ({}, ["json"]),
        ({"profile": "prod-admin"}, ["--profile", "prod-admin"]),
        ({"assumeRoles": [{"roleArn": ROLE}]}, ["--role-arn", ROLE]),
        (
            {"profile": "p", "assumeRoles": [{"roleArn": ROLE, "sessionName": "s"}]},
            ["--role-arn", ROLE, "--profile", "p"],
        ),
    ],
)
def test_a_cluster_s_token_is_of_the_same_identity(keys: dict[str, object], end: list[str]) -> None:
    for arguments in tokens(record(**keys)):
        assert arguments[-len(end) :] == end
        assert ("--profile" in arguments) is ("profile" in keys)


def test_the_default_tags_are_on_load_balancers_as_well() -> None:
    run = record(defaultTags={"tags": {"team": "agents", "cost-centre": "4711"}})
    for ingress in run.of(INGRESS):
        assert ingress.inputs["metadata"]["annotations"][ALB_TAGS] == "cost-centre=4711,team=agents"
    assert not any(ALB_TAGS in each.inputs["metadata"]["annotations"] for each in record().of(INGRESS))


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"accessKey": "AKIAEXAMPLE"}, "aws:accessKey: must not be set. Only the AWS provider reads it."),
        ({"assumeRoleWithWebIdentity": {"roleArn": ROLE}}, "aws:assumeRoleWithWebIdentity: must not be set"),
        (
            {"assumeRoles": [{"roleArn": ROLE}, {"roleArn": ROLE}]},
            "aws:assumeRoles: must be a list of one role",
        ),
        ({"assumeRoles": [{"roleArn": ROLE, "externalId": "x"}]}, "aws:assumeRoles: must be a list of one"),
        ({"defaultTags": {"tags": {"team": "a,b"}}}, "aws:defaultTags: must be {tags: {<key>: <text>, …}}"),
        ({"defaultTags": {"tags": {"a=b": "c"}}}, "aws:defaultTags: must be {tags: {<key>: <text>, …}}"),
        ({"defaultTags": {"tags": {"team": 3}}}, "aws:defaultTags: must be {tags: {<key>: <text>, …}}"),
    ],
)
def test_what_only_the_provider_would_use_is_refused(keys: dict[str, object], line: str) -> None:
    with pytest.raises(SettingsError) as raised:
        from_config(config(**keys), "prod")
    assert str(raised.value).startswith(line)
    assert "AKIAEXAMPLE" not in str(raised.value)
