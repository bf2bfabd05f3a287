"""Reads a stack file as the CLI passes it to a program."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from engine.go_numbers import as_json
from engine.yaml_nodes import NoText, YamlError
from engine.yaml_scalars import Time
from engine.yaml_values import OtherKey, load
from plan.names import PROJECT

BOM = b"\xef\xbb\xbf"
TEXTS = ("secretsprovider", "encryptedkey", "encryptionsalt")
"""Keys that the CLI writes beside `config`."""
_MOST_WHOLE = 2**63 - 1
_BLOCK = re.compile("[\\n\\t -~\\xa0-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd]*")
"""What Go writes without escapes."""


def load_stack_file(path: Path, project: str = PROJECT) -> tuple[dict[str, str], list[str]]:
    """The `config:` of a stack file, and its keys with secrets.

    Objects become JSON, scalars text. An encrypted leaf stays `{"secure": …}`, for lack of its key. Raises
    ValueError for a file that is not a stack file, with a line for each problem.
    """
    entries = read_document(path).get("config")
    entries = {} if entries is None else entries
    if not isinstance(entries, dict):
        raise ValueError(f"{path}: expected a mapping with the key `config`, itself a mapping")
    values: dict[str, Any] = {}
    try:
        for key, value in entries.items():
            name = _name(key, project)
            if name in values:
                raise ValueError(f"{name}: duplicate key")
            values[name] = _plain(value, name)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return {key: _text(value) for key, value in values.items()}, [
        key for key, value in values.items() if _has_secret(value)
    ]


def unknown_environment(path: Path) -> str | None:
    """What to tell about a file that names environments of Pulumi ESC, which only the CLI opens."""
    if read_document(path).get("environment") is None:
        return None
    return (
        f"{path}: environment: what Pulumi ESC adds to the configuration is unknown here. Only the keys of"
        " the file count; `pulumi up` may have more"
    )


def read_document(path: Path) -> dict[str, Any]:
    """The keys of a stack file, such as `config`, with values as Go reads them. Raises ValueError."""
    try:
        document = load(path.read_bytes().removeprefix(BOM))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}; must be a stack file") from error
    except NoText:
        raise ValueError(f"{path}: must be a stack file; got no UTF-8 text") from None
    except YamlError as error:
        raise ValueError("\n".join(f"{path}{line}" for line in error.lines)) from None
    document = {} if document is None else document
    if not isinstance(document, dict):
        raise ValueError(f"{path}: expected a mapping with the key `config`, itself a mapping")
    for key in document:
        if isinstance(key, OtherKey):
            raise ValueError(f"{path}: {key.text}: must be text; put the key in quotes")
    for key in TEXTS:
        if isinstance(document.get(key), dict | list):
            raise ValueError(f"{path}: {key}: must be text")
    return document


def _name(key: str | OtherKey, project: str) -> str:
    """A key of `config` with its namespace."""
    if isinstance(key, OtherKey):
        raise ValueError(f"{key.text}: must be text; put the key in quotes")
    match key.split(":"):
        case [_]:
            return f"{project}:{key}"
        case [_, _]:
            return key
        case [namespace, "config", name]:
            return f"{namespace}:{name}"
    raise ValueError(f"{key}: must be a key such as {project}:domain or aws:region")


def _plain(value: Any, place: str) -> Any:
    """The value as the CLI converts it to JSON."""
    match value:
        case Time():
            return str(value)
        case str():
            return _rewritten(value, place)
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{place}: must be a finite number")
            return _number(value)
        case list():
            return [_plain(item, f"{place}[{index}]") for index, item in enumerate(value)]
        case dict():
            found: dict[str, Any] = {}
            for key, item in value.items():
                name = key.text if isinstance(key, OtherKey) else key
                if name in found:
                    raise ValueError(f"{place}.{name}: duplicate key")
                found[name] = _plain(item, f"{place}.{name}")
            return found
    return value


def _rewritten(text: str, place: str) -> str:
    """The text after the CLI has written the file anew for itself, where a block of lines changes."""
    if "\n" not in text or not _BLOCK.fullmatch(text) or " \n" in text or text.endswith(" "):
        return text
    if text.startswith("\t"):
        raise ValueError(f"{place}: must not begin with a tab")
    return text.removeprefix("\n")


def _number(value: float) -> int | float:
    """A whole number is one without a point."""
    text = as_json(value)
    return int(text) if text.lstrip("-").isdigit() else value


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case float():
            return as_json(value)
        case int() | bool():
            return json.dumps(value)
    return json.dumps(_nested(value))


def _nested(value: Any) -> Any:
    """Within lists and mappings, whole numbers above 64 bits are floating-point numbers."""
    if isinstance(value, list):
        return [_nested(item) for item in value]
    if isinstance(value, dict):
        return {key: _nested(item) for key, item in value.items()}
    too_large = isinstance(value, int) and not isinstance(value, bool) and value > _MOST_WHOLE
    return _number(float(value)) if too_large else value


def _has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        encrypted = set(value) == {"secure"} and isinstance(value["secure"], str)
        return encrypted or any(map(_has_secret, value.values()))
    return isinstance(value, list) and any(map(_has_secret, value))
