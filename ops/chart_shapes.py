"""Takes a chart's values of any shape: a value of another shape than expected is left, with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from settings.plain_secrets import is_secret

Key = tuple[str, ...]

_DURATION: Final = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)
_LOGIN: Final = re.compile(r"[^/@\s]+:[^/@\s]+@(?!sha256:)")
"""A name and a password before a host."""
NOTHING: Final = "has no value; the default counts"


class Shapes:
    """`left` are keys that were not carried over, and why; `taken` are the keys that somebody asked for."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.left: list[tuple[str, str]] = []
        self.taken = set[Key]()

    def leave(self, key: str, why: str) -> None:
        if (key, why) not in self.left:
            self.left.append((key, why))

    def given(self, key: str) -> Any:
        """The value; None where there is none."""
        path = tuple(key.split("."))
        self.taken.add(path)
        found: Any = self.values
        for part in path:
            if not isinstance(found, dict) or part not in found:
                return None
            found = found[part]
        if found is None:
            self.leave(key, NOTHING)
        return found

    def flag(self, key: str, default: bool) -> bool:
        value = self.given(key)
        if isinstance(value, bool) or value is None:
            return default if value is None else value
        self.wrong(key, value, f"must be true or false; {str(default).lower()} counts")
        return default

    def text(self, key: str) -> str | None:
        return self.as_text(key, self.given(key))

    def as_text(self, key: str, value: Any) -> str | None:
        if isinstance(value, str) and "\n" in value:
            self.leave(key, "must be one line of text")
            return None
        if isinstance(value, str) and (_LOGIN.match(value) or is_secret(key.rpartition(".")[2], value)):
            self.leave(key, "a secret, which is never written in plain text")
            return None
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value) or None
        if value is not None:
            self.wrong(key, value, "must be text")
        return None

    def whole(self, key: str) -> int | None:
        value = self.given(key)
        number = _whole(value)
        if number is None and value is not None:
            self.wrong(key, value, "must be a whole number")
        return number

    def seconds(self, key: str) -> int | None:
        """A whole number, or a duration such as `1m30s`."""
        value = self.given(key)
        number = _whole(value)
        match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
        if match:
            hours, minutes, seconds = (int(part or 0) for part in match.groups())
            number = hours * 3600 + minutes * 60 + seconds
        if number is None and value is not None:
            self.wrong(key, value, "must be whole seconds, such as 60 or 60s")
        return number

    def items(self, key: str) -> list[Any]:
        value = self.given(key)
        if value is None or isinstance(value, list):
            return value or []
        self.wrong(key, value, "must be a list")
        return []

    def mapping(self, key: str) -> dict[str, Any]:
        return self.as_mapping(key, self.given(key))

    def as_mapping(self, key: str, value: Any) -> dict[str, Any]:
        if value is None or isinstance(value, dict):
            return value or {}
        self.wrong(key, value, "must be a mapping of keys to values")
        return {}

    def wrong(self, key: str, value: Any, requirement: str) -> None:
        if value is None:
            self.leave(key, NOTHING)
            return
        self.leave(key, f"{requirement}, got {shown(key, value)}")

    def untouched(self) -> Iterator[tuple[Key, Any]]:
        """The leaves of the file that nobody asked for."""
        for key, value in leaves(self.values):
            if not any(within(key, taken) for taken in self.taken):
                yield key, value


def _whole(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e9:
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,9}", value, re.ASCII):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def shown(key: str, value: Any) -> str:
    """A value in a message, without secrets."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            secret = is_secret(key.rpartition(".")[2], value)
            return "a secret" if secret else f'"{value[:40]}"'
    return str(value)


def leaves(values: dict[str, Any], above: Key = ()) -> Iterator[tuple[Key, Any]]:
    """An empty branch is a leaf."""
    for name, value in values.items():
        key = (*above, name)
        if isinstance(value, dict) and value:
            yield from leaves(value, key)
        else:
            yield key, value


def within(key: Key, branch: Key) -> bool:
    return key[: len(branch)] == branch
