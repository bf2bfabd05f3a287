"""From a stack's configuration to its settings, or to every fault in it at once."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from settings.faults import Fault, SettingsError
from settings.models import Settings
from settings.plain_secrets import plain_secrets
from settings.rules import faults_of
from settings.shape_faults import shape_faults
from settings.stand_ins import settings_without_faults
from settings.values import is_encrypted

PROJECT = "digital-agency"
_TEXT_KEYS = {"domain", "hostedZoneId", "identity"}
"""Keys whose values are text whatever they look like; those of the others are JSON."""


def from_config(config: Mapping[str, str], stack: str, secret_keys: Collection[str] = ()) -> Settings:
    """Settings from configuration as Pulumi hands it to a program: `<project>:<key>` to text or JSON.

    `secret_keys`: those of its keys that hold something encrypted. Raises SettingsError with all faults of
    the file.
    """
    prefix = f"{PROJECT}:"
    own = {key.removeprefix(prefix): text for key, text in config.items() if key.startswith(prefix)}
    secret = {key.removeprefix(prefix) for key in secret_keys if key.startswith(prefix)}
    return parse({key: _value(key, text) for key, text in own.items()}, stack, secret)


def _value(key: str, text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if key in _TEXT_KEYS and not is_encrypted(value) else value


def parse(raw: dict[str, Any], stack: str, secret_keys: Collection[str] = ()) -> Settings:
    """Settings from plain values. Raises SettingsError with all faults.

    Rules over several keys also run on a file whose single values are at fault, so that a broken weight does
    not hide a region that is named twice.
    """
    faults: list[Fault] = []
    try:
        settings: Settings | None = Settings.model_validate(raw)
    except ValidationError as error:
        faults = shape_faults(error)
        settings = settings_without_faults(raw, error)
    plain = list(plain_secrets(raw, stack, secret_keys, faults))
    if settings is not None:
        faults += faults_of(settings, stack, faults)
    faults += plain
    if faults or settings is None:
        raise SettingsError(faults)
    return settings
