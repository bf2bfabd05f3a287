"""From a stack's configuration to its settings, or to all of its problems at once."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from plan.names import PROJECT
from settings.aws_provider import aws_provider, tag_problems
from settings.dates import date_problems
from settings.models import Settings
from settings.namespaces import namespace_problems
from settings.plain_secrets import plain_secrets
from settings.problems import Problem, SettingsError
from settings.routes import record_plan
from settings.rules import rule_problems
from settings.rules.accounts import account_problems
from settings.shape_problems import shape_problems
from settings.valid_parts import valid_parts
from settings.values import is_encrypted

_PREFIX = f"{PROJECT}:"
_TEXT_KEYS = {"domain", "hostedZoneId", "identity", "namePrefix", "permissionsBoundary", "rolePath"}
"""Keys whose values are always text; the values of the other keys are JSON."""


def from_config(
    config: Mapping[str, str],
    stack: str,
    secret_keys: Collection[str] = (),
    written: Mapping[str, str] | None = None,
) -> Settings:
    """Settings from configuration as Pulumi hands it to a program: `<project>:<key>` to text or JSON.

    `secret_keys` are the keys with an encrypted value. `written` is the configuration in the stack file,
    where encrypted values are not decrypted. Raises SettingsError with all problems of the file.
    """
    secret = {key.removeprefix(_PREFIX) for key in secret_keys if key.startswith(_PREFIX)}
    aws, problems = aws_provider(config)
    problems += namespace_problems(config)
    try:
        settings = parse(_own(config), stack, secret, _own(written or {}))
    except SettingsError as error:
        raise SettingsError([*problems, *error.problems]) from None
    checks = bool(record_plan(settings).checks)
    problems += [*tag_problems(aws, health_checks=checks), *account_problems(settings, aws)]
    if problems:
        raise SettingsError(problems)
    return settings.with_provider(aws)


def _own(config: Mapping[str, str]) -> dict[str, Any]:
    keys = {key.removeprefix(_PREFIX): text for key, text in config.items() if key.startswith(_PREFIX)}
    return {key: _value(key, text) for key, text in keys.items()}


def _value(key: str, text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if key in _TEXT_KEYS and not is_encrypted(value) else value


def parse(
    raw: dict[str, Any],
    stack: str,
    secret_keys: Collection[str] = (),
    written: dict[str, Any] | None = None,
) -> Settings:
    """Settings from plain values. Raises SettingsError with all problems.

    The rules over several keys also check the valid parts of a file with invalid values: an invalid weight
    does not hide a duplicate region.
    """
    problems: list[Problem] = []
    try:
        settings: Settings | None = Settings.model_validate(raw)
    except ValidationError as error:
        problems = shape_problems(error)
        settings = valid_parts(raw, error)
    dates = list(date_problems(raw))
    problems = [*dates, *(each for each in problems if not any(_within(each, date) for date in dates))]
    plain = list(plain_secrets(raw, stack, secret_keys, written or {}, problems))
    if settings is not None:
        problems += rule_problems(settings, stack, problems)
    problems += plain
    if problems or settings is None:
        raise SettingsError(problems)
    return settings


def _within(problem: Problem, other: Problem) -> bool:
    return problem.path[: len(other.path)] == other.path
