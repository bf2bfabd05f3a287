"""What is wrong with a stack file: one line a fault, with its key, the value that came and what is accepted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Fault:
    path: Path
    value: Any
    accepted: str

    def __str__(self) -> str:
        return f"{key_of(self.path)}: got {_shown(self.path, self.value)}; accepted: {self.accepted}"


class SettingsError(Exception):
    """A stack file that can't be deployed. `faults` holds every fault; the text has a line for each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def key_of(path: Path) -> str:
    """`("regions", 1, "weight")` as it reads in a stack file: `digital-agency:regions[1].weight`."""
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "digital-agency:" + key.removeprefix(".")


def fault_of(error: ErrorDetails, known_keys: Iterable[str]) -> Fault:
    """A fault from one of pydantic's errors; `known_keys` are the keys beside a key that is unknown."""
    path = tuple(part for part in error["loc"] if part not in ("values", "[key]"))
    value = None if error["type"] == "missing" else error["input"]
    if error["type"] == "missing":
        return Fault(path, MISSING, "this key is required")
    if error["type"] == "extra_forbidden":
        close = get_close_matches(str(path[-1]), list(known_keys), n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        return Fault(path, value, f"no such key; {hint}known: {', '.join(sorted(known_keys))}")
    return Fault(path, value, _accepted(error))


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()

_TEXTS = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text (quote a number)",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "at most {le}",
    "too_short": "at least {min_length}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
    "enum": "{expected}",
    "value_error": "{error}",
}


def _accepted(error: ErrorDetails) -> str:
    text = _TEXTS.get(error["type"], error["msg"])
    return text.format(**error.get("ctx", {}))


def _shown(path: Path, value: Any) -> str:
    if value is MISSING:
        return repr(value)
    if "apiKeys" in path and path[-1] != "secretName":
        return "a secret"
    try:
        text = json.dumps(value, default=str)
    except TypeError:
        text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"
