"""The AWS provider's configuration in a stack file (`aws:…`): whose credentials sign, and the tags of all
resources. Every other client of the stack's AWS uses the same ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from settings.problems import NO_VALUE, Problem, SettingsError

PREFIX = "aws:"
ROLE_KEYS = {"roleArn", "sessionName"}
_PROVIDER_ALONE = (
    "accessKey", "secretKey", "token", "assumeRoleWithWebIdentity", "sharedConfigFiles",
    "sharedCredentialsFiles",
)  # fmt: skip
"""Credentials that only the AWS provider would use: not `aws eks get-token`, not the operators' commands."""
_TAG_KEY, _TAG_VALUE = re.compile(r"[\w +\-.:/@]+"), re.compile(r"[\w +\-.:/@=]*")
"""Without the comma and the equals sign, which separate tags in an Ingress's annotation."""
_PROFILE = "Set aws:profile to a profile of ~/.aws/config, which may have role_arn and external_id."


@dataclass(frozen=True, kw_only=True)
class AwsProvider:
    profile: str | None = None
    role_arn: str | None = None
    session_name: str | None = None
    default_tags: Mapping[str, str] = field(default_factory=dict)


def aws_provider(config: Mapping[str, str]) -> AwsProvider:
    """From configuration as Pulumi hands it to a program. Raises SettingsError."""
    own = {key.removeprefix(PREFIX): text for key, text in config.items() if key.startswith(PREFIX)}
    problems = [
        Problem(
            (f"{PREFIX}{key}",), NO_VALUE, "must not be set", f"Only the AWS provider reads it. {_PROFILE}"
        )
        for key in _PROVIDER_ALONE
        if key in own
    ]
    roles, tags = _parsed(own.get("assumeRoles", "[]")), _parsed(own.get("defaultTags", "{}"))
    role: dict[str, str] = {}
    if not _is_role(roles):
        requirement = "must be a list of one role with roleArn and, if wanted, sessionName"
        problems.append(Problem((f"{PREFIX}assumeRoles",), roles, requirement, _PROFILE))
    elif roles:
        role = roles[0]
    tags = tags.get("tags", {}) if isinstance(tags, dict) else tags
    if not _are_tags(tags):
        requirement = "must be {tags: {<key>: <text>, …}}"
        advice = (
            "Of letters, digits, spaces and + - . : / @ _, which load balancers accept; in a value also =."
        )
        problems.append(Problem((f"{PREFIX}defaultTags",), tags, requirement, advice))
    if problems:
        raise SettingsError(problems)
    return AwsProvider(
        profile=own.get("profile"),
        role_arn=role.get("roleArn"),
        session_name=role.get("sessionName"),
        default_tags=dict(sorted(tags.items())),
    )


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
    )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
