"""What is wrong with a stack file: one line per problem, with key, requirement and the value found."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from settings.values import is_encrypted

Path = tuple[str | int, ...]

STACK: Path = ("<stack>",)
"""The path of a problem of the stack's name, which is not a key of the file."""

SECRET = "a secret"
_LONGEST = 200
_SECRET_NAME = re.compile(r"key|secret|token|passw|credential|private", re.IGNORECASE)
_HARMLESS_NAMES = {"imagePullSecrets", "secretName", "kmsKeyArn"}
_ARN = re.compile(r"arn:aws:[\w:/-]+")


class Masked:
    """Stands in a message for a value that it must not show, or shows in other words."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


NO_VALUE: Any = Masked("")
"""The value of a key that is missing or unknown."""
PLAIN: Any = Masked("a secret in plain text")


@dataclass(frozen=True)
class Problem:
    path: Path
    value: Any = field(repr=False)
    requirement: str
    """`must be …`, `missing (required)` or `unknown key`."""
    advice: str = ""
    """Sentences: why, and what to do."""
    meant: Path | None = None
    """The known key that resembles an unknown key."""

    def __str__(self) -> str:
        value = "" if self.value is NO_VALUE else f", got {self._shown()}"
        advice = f". {self.advice}" if self.advice else ""
        return " ".join(f"{key_of(self.path)}: {self.requirement}{value}{advice}".split())

    def _shown(self) -> str:
        if isinstance(self.value, Masked):
            return repr(self.value)
        if self.path[-1] not in _HARMLESS_NAMES and any(_names_secret(part) for part in self.path):
            return SECRET
        value = _without_secrets(self.value)
        text = SECRET if value == SECRET else json.dumps(value, default=str, ensure_ascii=False)
        return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def unknown_key(path: Path, key: str, known: Collection[str], prefix: str = "") -> Problem:
    """Of a key that nobody reads. `prefix`: what precedes the key where it is written."""
    close = get_close_matches(key, known, n=1, cutoff=0.7)
    hint = f"Did you mean {prefix}{close[0]}? " if close else ""
    return Problem(path, NO_VALUE, "unknown key", f"{hint}Known keys: {', '.join(sorted(known))}.")


class SettingsError(Exception):
    """An invalid stack file. Its text has a line for each of `problems`."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=_sort_key))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def _sort_key(problem: Problem) -> tuple[list[tuple[int, int, str]], str]:
    parts = [(0, part, "") if isinstance(part, int) else (1, 0, part) for part in problem.path]
    return parts, problem.requirement


def key_of(path: Path) -> str:
    """`("regions", 1, "weight")` in the notation of `pulumi config`: `digital-agency:regions[1].weight`."""
    if path == STACK:
        return "stack name"
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return ("" if ":" in str(path[0]) else "digital-agency:") + key.removeprefix(".")


def _names_secret(part: str | int) -> bool:
    return isinstance(part, str) and part not in _HARMLESS_NAMES and bool(_SECRET_NAME.search(part))


def _without_secrets(value: Any) -> Any:
    """The value, with possible secrets masked: values of keys that name a secret, and text with such keys."""
    if is_encrypted(value):
        return SECRET
    if isinstance(value, dict):
        return {key: SECRET if _names_secret(key) else _without_secrets(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(item) for item in value]
    if not isinstance(value, str) or _ARN.fullmatch(value):
        return value
    if re.search(r"[{\[:=]", value) and _SECRET_NAME.search(value):
        return SECRET
    return value
