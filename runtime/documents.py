"""JSON from outside: buckets, volumes, peers, gates. Every value is checked for its type and its bounds."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

LONGEST_TEXT = 4096
"""Characters; the longest path on Linux."""
LARGEST_NUMBER = 1 << 53
_STRING_OR_CONTAINER = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]', re.DOTALL)
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""No UTF-8 text has them."""
_BYTES_PER_CONTAINER = 64
"""Honest documents hold more text than that in each list and object. It bounds the memory of `parse`."""
_FREE_CONTAINERS = 1000
_SHOWN = 80


class InvalidDocument(ValueError):
    """Says where the document is wrong, what is allowed there, and what was found."""


class Document:
    """A JSON object. A missing key, or null, is an absent value; unknown keys are ignored."""

    __slots__ = ("_content", "_where")

    def __init__(self, content: Any, where: str) -> None:
        if type(content) is not dict:
            raise InvalidDocument(f"{where}: must be an object, got {_short(content)}")
        self._content: dict[str, Any] = content
        self._where = where

    def has(self, key: str) -> bool:
        return self._content.get(key) is not None

    def text(self, key: str, *, longest: int = LONGEST_TEXT, pattern: re.Pattern[str] | None = None) -> str:
        return self._text(self._value(key), f"{self._where}.{key}", longest, pattern)

    def number(
        self, key: str, *, low: int = 0, high: int = LARGEST_NUMBER, default: int | None = None
    ) -> int:
        """`default`: where the key is absent."""
        if default is not None and not self.has(key):
            return default
        value = self._value(key)
        # `type is`, not `isinstance`: JSON's true is no number.
        if type(value) is not int or not low <= value <= high:
            raise InvalidDocument(
                f"{self._where}.{key}: must be a whole number from {low} to {high}, got {_short(value)}"
            )
        return value

    def seconds(self, key: str) -> float:
        """Since the epoch."""
        value = self._value(key)
        if type(value) not in (int, float) or not 0 <= value <= LARGEST_NUMBER:
            raise InvalidDocument(f"{self._where}.{key}: must be seconds since 1970, got {_short(value)}")
        return float(value)

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """`default`: where the key is absent."""
        if default is not None and not self.has(key):
            return default
        value = self._value(key)
        if type(value) is not bool:
            raise InvalidDocument(f"{self._where}.{key}: must be true or false, got {_short(value)}")
        return value

    def texts(
        self, key: str, *, longest: int = LONGEST_TEXT, pattern: re.Pattern[str] | None = None
    ) -> tuple[str, ...]:
        where = f"{self._where}.{key}"
        return tuple(self._text(value, where, longest, pattern) for value in self._list(key))

    def object(self, key: str) -> Document:
        return Document(self._value(key), f"{self._where}.{key}")

    def objects(self, key: str) -> Iterator[Document]:
        """Of a list."""
        for number, value in enumerate(self._list(key)):
            yield Document(value, f"{self._where}.{key}[{number}]")

    def names(self) -> Iterator[str]:
        """Every key that has a value: of bounded length, and not always UTF-8, as names of files are not.

        Raises InvalidDocument for a longer key, and for one with NUL.
        """
        for key in self._content:
            if len(key) > LONGEST_TEXT or "\0" in key:
                raise InvalidDocument(f"{self._where}: no key may be {_short(key)}")
            if self.has(key):
                yield key

    def others(self, known: Collection[str]) -> dict[str, Any]:
        """All other keys with their values."""
        return {key: value for key, value in self._content.items() if key not in known}

    def _value(self, key: str) -> Any:
        if not self.has(key):
            raise InvalidDocument(f"{self._where}.{_short(key)}: missing (required)")
        return self._content[key]

    def _list(self, key: str) -> list[Any]:
        value = self._value(key)
        if type(value) is not list:
            raise InvalidDocument(f"{self._where}.{key}: must be a list, got {_short(value)}")
        return value

    @staticmethod
    def _text(value: Any, where: str, longest: int, pattern: re.Pattern[str] | None) -> str:
        if type(value) is not str or len(value) > longest or _NO_TEXT.search(value):
            raise InvalidDocument(
                f"{where}: must be a text of at most {longest} characters without NUL, got {_short(value)}"
            )
        if pattern is not None and pattern.fullmatch(value) is None:
            raise InvalidDocument(f"{where}: must match {pattern.pattern}, got {_short(value)}")
        return value


def parse(data: bytes, where: str, *, limit: int) -> Document:
    """The object in `data`, of at most `limit` bytes. Raises InvalidDocument for anything else."""
    return Document(parse_value(data, where, limit=limit), where)


def parse_list(data: bytes, where: str, *, limit: int) -> Iterator[Document]:
    """The objects in a list of at most `limit` bytes. Raises InvalidDocument for anything else."""
    return Document({"list": parse_value(data, where, limit=limit)}, where).objects("list")


def parse_value(data: bytes, where: str, *, limit: int) -> Any:
    if len(data) > limit:
        raise InvalidDocument(f"{where}: must be at most {limit} bytes, got {len(data)}")
    most = _FREE_CONTAINERS + len(data) // _BYTES_PER_CONTAINER
    if data.count(b"[") + data.count(b"{") > most and _containers(data) > most:
        raise InvalidDocument(f"{where}: has more than {most} lists and objects in {len(data)} bytes")
    try:
        return json.loads(data.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"{where}: is not JSON: {str(error)[:_SHOWN]}") from None


def _containers(data: bytes) -> int:
    """Lists and objects: brackets outside of strings."""
    return sum(match[0][0] != ord('"') for match in _STRING_OR_CONTAINER.finditer(data))


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _short(value: Any) -> str:
    """Of bounded length, and harmless in a log and in a terminal."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    shown = ascii(value if not isinstance(value, str) else value[:_SHOWN])
    return shown[: _SHOWN + 2]
