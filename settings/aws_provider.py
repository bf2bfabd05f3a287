"""The AWS provider's configuration in a stack file (`aws:…`): whose credentials sign, and the tags of all
resources. Every other client of the stack's AWS uses the same ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from settings.problems import NO_VALUE, Problem, unknown_key
from settings.values import aws_regions

PREFIX = "aws:"
ROLE_KEYS = {"roleArn", "sessionName"}
_ROLE_ARN = re.compile(r"arn:aws:iam::\d{12}:role/\S+")
KEYS = (
    "accessKey", "allowedAccountIds", "assumeRoleWithWebIdentity", "assumeRoles", "customCaBundle",
    "defaultTags", "ec2MetadataServiceEndpoint", "ec2MetadataServiceEndpointMode", "endpoints",
    "forbiddenAccountIds", "httpProxy", "httpsProxy", "ignoreTags", "insecure", "maxRetries", "noProxy",
    "profile", "region", "retryMode", "s3UsEast1RegionalEndpoint", "s3UsePathStyle", "secretKey",
    "sharedConfigFiles", "sharedCredentialsFiles", "skipCredentialsValidation", "skipMetadataApiCheck",
    "skipRegionValidation", "skipRequestingAccountId", "stsRegion", "tagPolicyCompliance", "token",
    "tokenBucketRateLimiterCapacity", "useDualstackEndpoint", "useFipsEndpoint", "userAgents",
)  # fmt: skip
"""All that the provider knows."""
_PROVIDER_ALONE = (
    "accessKey", "secretKey", "token", "assumeRoleWithWebIdentity", "sharedConfigFiles",
    "sharedCredentialsFiles",
)  # fmt: skip
"""Credentials that only the AWS provider would use: not `aws eks get-token`, not the operators' commands."""
_EDGES = r"(?! )(?!.* $)"
_TAG_KEY, _TAG_VALUE = (
    re.compile(_EDGES + r"[\w +\-.:/@]{1,128}"),
    re.compile(_EDGES + r"[\w +\-.:/@=]{0,256}"),
)
"""Without the comma and the equals sign, which separate tags in an Ingress's annotation."""
_CONTROLLERS_TAGS = ("elbv2.k8s.aws/cluster", "ingress.k8s.aws/stack", "ingress.k8s.aws/resource")
"""By these the AWS Load Balancer Controller knows its own resources; it accepts no others of these names."""
HEALTH_CHECK_TAGS = 10
"""Source: Route53 API reference, ChangeTagsForResource."""
TAGS = 50 - len(_CONTROLLERS_TAGS)
"""Of a load balancer, beside the controller's own."""
_PROFILE = "Set aws:profile to a profile of ~/.aws/config, which may have role_arn and external_id."


@dataclass(frozen=True, kw_only=True)
class AwsProvider:
    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    session_name: str | None = None
    allowed_accounts: tuple[str, ...] = ()
    """Empty: any."""
    default_tags: Mapping[str, str] = field(default_factory=dict)


def aws_provider(config: Mapping[str, str]) -> tuple[AwsProvider, list[Problem]]:
    """From configuration as Pulumi hands it to a program; without the values that are problems."""
    own = {key.removeprefix(PREFIX): text for key, text in config.items() if key.startswith(PREFIX)}
    problems = list(_problems(own))
    invalid = {problem.path[0] for problem in problems}
    valid = {key: text for key, text in own.items() if f"{PREFIX}{key}" not in invalid}
    role: Mapping[str, str] = next(iter(_parsed(valid.get("assumeRoles", "[]"))), {})
    tags = _parsed(valid.get("defaultTags", "{}")).get("tags", {})
    provider = AwsProvider(
        region=valid.get("region"),
        profile=valid.get("profile"),
        role_arn=role.get("roleArn"),
        session_name=role.get("sessionName"),
        allowed_accounts=tuple(map(str, _parsed(valid.get("allowedAccountIds", "[]")))),
        default_tags=dict(sorted(tags.items())),
    )
    return provider, problems


def tag_problems(aws: AwsProvider, *, health_checks: bool) -> Iterator[Problem]:
    """Of the number of tags, which health checks limit most. They have a `Name` of this program."""
    tags = aws.default_tags.keys()
    if health_checks:
        count, most, advice = (
            len(tags | {"Name"}),
            HEALTH_CHECK_TAGS,
            "Health checks, with Name, have no more.",
        )
    else:
        count, most, advice = len(tags), TAGS, "Load balancers have no more."
    if count > most:
        yield Problem((f"{PREFIX}defaultTags", "tags"), count, f"must be at most {most} tags", advice)


def _problems(own: Mapping[str, str]) -> Iterator[Problem]:
    for key in own:
        if key in _PROVIDER_ALONE:
            advice = f"Only the AWS provider reads it. {_PROFILE}"
            yield Problem((f"{PREFIX}{key}",), NO_VALUE, "must not be set", advice)
        elif key not in KEYS:
            yield unknown_key((f"{PREFIX}{key}",), key, KEYS, PREFIX)
    if own.get("region", "us-east-1") not in aws_regions():
        requirement = "must be the name of an AWS region (commercial partition), such as us-east-1"
        yield Problem((f"{PREFIX}region",), own["region"], requirement)
    if not isinstance(_parsed(own.get("profile", "")), str | int | float):
        yield Problem((f"{PREFIX}profile",), _parsed(own["profile"]), "must be text")
    if not _is_role(roles := _parsed(own.get("assumeRoles", "[]"))):
        requirement = "must be a list of one role with roleArn and, if wanted, sessionName"
        yield Problem((f"{PREFIX}assumeRoles",), roles, requirement, _PROFILE)
    yield from _of_tags(_parsed(own.get("defaultTags", "{}")))


def _of_tags(given: Any) -> Iterator[Problem]:
    path = (f"{PREFIX}defaultTags",)
    alone = isinstance(given, dict) and given.keys() <= {"tags"}
    tags: Any = given.get("tags", {}) if alone else None
    if not _are_tags(tags):
        advice = (
            "Of letters, digits, spaces and + - . : / @ _, which load balancers accept, in a value also =;"
            " at most 128 in a key and 256 in a value, without a space at its ends."
        )
        shown = given if tags is None else tags
        yield Problem(path, shown, "must be {tags: {<key>: <text>, …}}", advice)
        return
    spelled: dict[str, str] = {}
    for key in tags:
        if key.lower().startswith("aws:"):
            yield Problem((*path, "tags", key), NO_VALUE, "must not begin with aws:", "AWS sets such tags.")
        elif key in _CONTROLLERS_TAGS:
            advice = "The AWS Load Balancer Controller sets the tag."
            yield Problem((*path, "tags", key), NO_VALUE, "must not be set", advice)
        elif other := spelled.get(key.lower()):
            requirement = f"must differ from {other} in more than upper and lower case"
            yield Problem((*path, "tags", key), NO_VALUE, requirement, "IAM takes them for one tag.")
        spelled[key.lower()] = key


def _are_tags(tags: Any) -> bool:
    return isinstance(tags, dict) and all(
        isinstance(value, str) and _TAG_KEY.fullmatch(key) and _TAG_VALUE.fullmatch(value)
        for key, value in tags.items()
    )


def _is_role(roles: Any) -> bool:
    if not isinstance(roles, list) or len(roles) > 1:
        return False
    return not roles or (
        isinstance(roles[0], dict)
        and "roleArn" in roles[0]
        and roles[0].keys() <= ROLE_KEYS
        and all(isinstance(value, str) for value in roles[0].values())
        and bool(_ROLE_ARN.fullmatch(roles[0]["roleArn"]))
    )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
