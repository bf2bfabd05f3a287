"""From a stack file's text to settings, or to every fault in it at once."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from settings.faults import Fault, Path, SettingsError, fault_of
from settings.models import Settings
from settings.rules import faults_of

PROJECT = "digital-agency"
_TEXT_KEYS = {"domain", "hostedZoneId", "identity"}


def from_config(config: Mapping[str, str], stack: str) -> Settings:
    """Settings from configuration values as Pulumi hands them to a program (`<project>:<key>` to text or JSON).

    Raises SettingsError with all faults of the file.
    """
    raw = {
        key.partition(":")[2]: _value(key.partition(":")[2], text)
        for key, text in config.items()
        if key.startswith(f"{PROJECT}:")
    }
    return parse(raw, stack)


def _value(key: str, text: str) -> Any:
    if key in _TEXT_KEYS:
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def parse(raw: dict[str, Any], stack: str) -> Settings:
    """Settings from plain values. Raises SettingsError with all faults.

    Rules over several keys also run on a file whose single values are at fault: those are left out of
    a copy first, so that one broken weight does not hide a region that is named twice.
    """
    faults: list[Fault] = []
    try:
        settings: Settings | None = Settings.model_validate(raw)
    except ValidationError as error:
        faults = [fault_of(e, _known_keys(e["loc"])) for e in error.errors(include_url=False)]
        settings = _without_faults(raw, error)
    if settings is not None:
        known = [fault.path for fault in faults]
        faults += [fault for fault in faults_of(settings, stack) if not _beside(fault.path, known)]
    if faults or settings is None:
        raise SettingsError(sorted(faults, key=lambda fault: str(fault)))
    return settings


def _beside(path: Path, known: list[Path]) -> bool:
    return any(path[: len(other)] == other or other[: len(path)] == path for other in known)


def _known_keys(path: Path) -> list[str]:
    """The keys that the model at `path` without its last part has."""
    node: Any = Settings
    for part in path[:-1]:
        if isinstance(part, str):
            field = next((f for f in node.model_fields.values() if f.alias == part), None)
            node = field and _model_in(field.annotation)
        if node is None:
            return []
    return [field.alias or name for name, field in node.model_fields.items()]


def _model_in(annotation: Any) -> Any:
    if hasattr(annotation, "model_fields"):
        return annotation
    return next(filter(None, map(_model_in, getattr(annotation, "__args__", ()))), None)


def _without_faults(raw: dict[str, Any], error: ValidationError) -> Settings | None:
    """Settings of the file less what is at fault in it; None where nothing useful is left."""
    pruned = copy.deepcopy(raw)
    for _ in range(5):
        # Later items of a list go first, or an index would mean another item.
        for fault in sorted(error.errors(), key=lambda e: [str(part).zfill(6) for part in e["loc"]], reverse=True):
            _prune(pruned, fault["loc"], missing=fault["type"] == "missing")
        try:
            return Settings.model_validate(pruned)
        except ValidationError as again:
            error = again
    return None


def _prune(raw: Any, path: Path, *, missing: bool) -> None:
    trail = [raw]
    for part in path:
        try:
            trail.append(trail[-1][part])
        except (KeyError, IndexError, TypeError):
            break
    depth = len(trail) - (1 if missing and len(trail) > 1 else 0)
    for parent, part in reversed(list(zip(trail, path[: depth - 1], strict=False))):
        if isinstance(parent, dict | list):
            del parent[part]
            return
