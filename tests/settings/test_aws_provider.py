"""Whose credentials sign: those of the AWS provider in the stack file, for every client."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pulumi_aws
import pytest

from settings import SettingsError, from_config
from settings.aws_provider import KEYS
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
        ({"defaultTags": {"team": "a"}}, "aws:defaultTags: must be {tags: {<key>: <text>, …}}"),
        ({"defaultTags": {"tags": {"k" * 129: "a"}}}, "aws:defaultTags: must be {tags: {<key>: <text>, …}}"),
        (
            {"defaultTags": {"tags": {"team": "a" * 257}}},
            "aws:defaultTags: must be {tags: {<key>: <text>, …}}",
        ),
        ({"defaultTags": {"tags": {"team": " a"}}}, "aws:defaultTags: must be {tags: {<key>: <text>, …}}"),
        (
            {"defaultTags": {"tags": {"AWS:team": "a"}}},
            "aws:defaultTags.tags.AWS:team: must not begin with aws:",
        ),
        (
            {"defaultTags": {"tags": {"elbv2.k8s.aws/cluster": "a"}}},
            "aws:defaultTags.tags.elbv2.k8s.aws/cluster: must not be set",
        ),
        (
            {"defaultTags": {"tags": {"team": "a", "Team": "b"}}},
            "aws:defaultTags.tags.Team: must differ from team in more than upper and lower case",
        ),
        (
            {"defaultTags": {"tags": {f"tag-{number}": "a" for number in range(10)}}},
            "aws:defaultTags.tags: must be at most 10 tags, got 11. Health checks, with Name, have no more.",
        ),
        ({"assumeRoles": [{"roleArn": "deployer"}]}, "aws:assumeRoles: must be a list of one role"),
        ({"profile": ["prod"]}, "aws:profile: must be text"),
        ({"region": "cn-north-1"}, "aws:region: must be the name of an AWS region (commercial partition)"),
        ({"assumeRole": {"roleArn": ROLE}}, "aws:assumeRole: unknown key. Did you mean aws:assumeRoles?"),
        ({"profil": "prod"}, "aws:profil: unknown key. Did you mean aws:profile?"),
    ],
)
def test_what_only_the_provider_would_use_is_refused(keys: dict[str, object], line: str) -> None:
    with pytest.raises(SettingsError) as raised:
        from_config(config(**keys), "prod")
    assert str(raised.value).startswith(line)
    assert "AKIAEXAMPLE" not in str(raised.value)


def test_the_region_is_the_provider_s_own() -> None:
    assert from_config(config(region=EU), "prod").aws.region == EU
    assert from_config(config(), "prod").aws.region is None


def test_the_known_keys_are_those_of_the_provider() -> None:
    """`pulumi up` rejects any other."""
    source = (Path(pulumi_aws.__file__).parent / "config" / "vars.py").read_text(encoding="utf-8")
    assert set(KEYS) == set(re.findall(r"__config__\.get(?:_\w+)?\('(\w+)'\)", source))


def test_global_accelerator_has_no_health_checks_which_take_few_tags() -> None:
    many = {"defaultTags": {"tags": {f"tag-{number}": "a" for number in range(47)}}}
    manager = {"digital-agency:loadBalancing": json.dumps({"manager": "global-accelerator"})}
    assert len(from_config(config(**many) | manager, "prod").aws.default_tags) == 47


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("kubernetes:context", "kubernetes:context: must not be set. Only Pulumi's own provider reads it."),
        ("digtal-agency:network", "digtal-agency:network: unknown key. Did you mean digital-agency:network?"),
        ("Digital-Agency:pods", "Digital-Agency:pods: unknown key. Did you mean digital-agency:pods?"),
        ("AWS:profile", "AWS:profile: unknown key. Did you mean aws:profile?"),
    ],
)
def test_a_key_that_nobody_would_read_is_refused(key: str, line: str) -> None:
    with pytest.raises(SettingsError) as raised:
        from_config(config() | {key: "prod"}, "prod")
    assert str(raised.value).startswith(line)


def test_keys_of_other_programs_are_left_alone() -> None:
    from_config(config() | {"pulumi:tags": "{}", "aws-native:region": "us-east-1", "datadog:x": "y"}, "prod")


def test_problems_of_the_provider_s_keys_and_of_others_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        from_config(config(accessKey="x", profil="x") | {"digital-agency:podUser": "0"}, "prod")
    assert [line.partition(": ")[0] for line in str(raised.value).splitlines()] == [
        "aws:accessKey", "aws:profil", "digital-agency:podUser",
    ]  # fmt: skip


BOUNDARY = "arn:aws:iam::999999999999:policy/boundary"


@pytest.mark.parametrize(
    ("keys", "account"),
    [
        ({"assumeRoles": [{"roleArn": ROLE}]}, "123456789012 of aws:assumeRoles"),
        ({"allowedAccountIds": ["123456789012"]}, "123456789012 of aws:allowedAccountIds"),
        ({"allowedAccountIds": ["123456789012", "999999999999"]}, None),
    ],
)
def test_the_provider_works_in_the_account_of_the_stack(keys: dict[str, object], account: str | None) -> None:
    found = config(**keys) | {"digital-agency:permissionsBoundary": BOUNDARY}
    if account is None:
        from_config(found, "prod")
        return
    with pytest.raises(SettingsError, match=f"permissionsBoundary: must be of the account {account}"):
        from_config(found, "prod")
