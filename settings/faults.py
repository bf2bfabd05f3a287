"""What is wrong with a stack file: one line a fault, with key, the value that came and what is accepted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from settings.values import is_encrypted

Path = tuple[str | int, ...]

STACK: Path = ("<stack>",)
"""Where a fault of the stack's name is: that is no key of the file."""

SECRET = "a secret"
_LONGEST = 200
_SECRET_NAME = re.compile(r"key|secret|token|passw|credential|private", re.IGNORECASE)
_HARMLESS_NAMES = {"secretName"}
_TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_+/=.:-]{16,}")


class _InWords:
    """Stands for a value that is not shown."""

    def __init__(self, words: str) -> None:
        self._words = words

    def __repr__(self) -> str:
        return self._words


MISSING: Any = _InWords("nothing")
"""The value of a key that is not there."""
PLAIN: Any = _InWords("a secret in plain text")


@dataclass(frozen=True)
class Fault:
    path: Path
    value: Any = field(repr=False)
    accepted: str
    meant: Path | None = None
    """The known key that an unknown one looks like."""

    def __str__(self) -> str:
        line = f"{key_of(self.path)}: got {self._shown()}; accepted: {self.accepted}"
        return " ".join(line.split())

    def _shown(self) -> str:
        if isinstance(self.value, _InWords):
            return repr(self.value)
        if self.path[-1] not in _HARMLESS_NAMES and any(_names_secret(part) for part in self.path):
            return SECRET
        value = _open(self.value)
        text = SECRET if value == SECRET else json.dumps(value, default=str, ensure_ascii=False)
        return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


class SettingsError(Exception):
    """A stack file that can't be deployed. `faults` holds every fault; the text has a line for each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=_place))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def _place(fault: Fault) -> tuple[list[tuple[int, int, str]], str]:
    parts = [(0, part, "") if isinstance(part, int) else (1, 0, part) for part in fault.path]
    return parts, fault.accepted


def key_of(path: Path) -> str:
    """`("regions", 1, "weight")` as it reads in a stack file: `digital-agency:regions[1].weight`."""
    if path == STACK:
        return "stack name"
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "digital-agency:" + key.removeprefix(".")


def _names_secret(part: str | int) -> bool:
    return isinstance(part, str) and part not in _HARMLESS_NAMES and bool(_SECRET_NAME.search(part))


def _open(value: Any) -> Any:
    """The value without what may be a secret: what its key calls one, and text that holds such keys."""
    if is_encrypted(value):
        return SECRET
    if isinstance(value, dict):
        return {key: SECRET if _names_secret(key) else _open(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_open(item) for item in value]
    if isinstance(value, str) and re.search(r"[{\[:=]", value) and _SECRET_NAME.search(value):
        return SECRET
    return value


def without_tokens(value: Any) -> Any:
    """The value of an unknown key, without text that looks like a token: nobody knows what it is for."""
    if isinstance(value, dict):
        return {key: without_tokens(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_tokens(item) for item in value]
    return SECRET if isinstance(value, str) and _TOKEN.fullmatch(value) else value
