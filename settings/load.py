"""From a stack's configuration to its settings, or to every fault in it at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from settings.faults import Fault, SettingsError
from settings.models import Settings
from settings.rules import faults_of
from settings.shape_faults import shape_faults
from settings.stand_ins import settings_without_faults
from settings.values import is_encrypted

PROJECT = "digital-agency"
_TEXT_KEYS = {"domain", "hostedZoneId", "identity"}
"""Keys whose values are text whatever they look like; those of the others are JSON."""


def from_config(config: Mapping[str, str], stack: str) -> Settings:
    """Settings from configuration as Pulumi hands it to a program: `<project>:<key>` to text or JSON.

    Raises SettingsError with all faults of the file.
    """
    prefix = f"{PROJECT}:"
    own = {key.removeprefix(prefix): text for key, text in config.items() if key.startswith(prefix)}
    return parse({key: _value(key, text) for key, text in own.items()}, stack)


def _value(key: str, text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if key in _TEXT_KEYS and not is_encrypted(value) else value


def parse(raw: dict[str, Any], stack: str) -> Settings:
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
    if settings is not None:
        faults += faults_of(settings, stack, faults)
    if faults or settings is None:
        raise SettingsError(faults)
    return settings
