"""Values of a Helm chart as Helm reads them: with Go's YAML, by the rules of YAML 1.1 for booleans."""

from __future__ import annotations

import math
from typing import Any, Final

from engine.go_numbers import as_json, as_text
from engine.yaml_nodes import Node, first_document
from engine.yaml_scalars import Time
from engine.yaml_values import Decoder, OtherKey

_BOOLEANS: Final = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_LARGE: Final = 1_000_000
"""From here on, versions of Helm print a whole number as `1000000` or as `1e+06`."""


class Number(float):
    """A number with a point or an exponent; as text it is what stands in the file, such as a version."""

    source: str

    def __new__(cls, value: float, source: str) -> Number:
        number = super().__new__(cls, value)
        number.source = source
        return number

    def __str__(self) -> str:
        return self.source


def load(text: bytes) -> tuple[Any, list[str]]:
    """The values of the first document, and a line for each key that is there twice. Raises YamlError."""
    root = first_document(text)
    decoder = _Decoder()
    return (None if root is None else _with_text_keys(decoder.decode(root))), decoder.duplicates


def printed_by_helm(value: Any) -> str | None:
    """What a template prints for a value in quotes; None where that differs with the version of Helm.

    A number that is written in another way than Helm prints it also counts as unknown: `1.10` may be meant.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        texts = {as_text(value), as_json(value), str(value)} if math.isfinite(value) else set()
        return str(value) if len(texts) == 1 else None
    if isinstance(value, int):
        return str(value) if abs(value) < _LARGE else None
    return str(value) if isinstance(value, str) else None


class _Decoder(Decoder):
    def __init__(self) -> None:
        super().__init__()
        self.duplicates = list[str]()

    def scalar(self, node: Node) -> Any:
        if not node.quoted and not node.explicit and node.text in _BOOLEANS:
            return _BOOLEANS[node.text]
        value = super().scalar(node)
        if isinstance(value, Time):
            return node.text
        return Number(value, node.text) if isinstance(value, float) else value

    def duplicate(self, key: str, first: int, second: int) -> None:
        self.duplicates.append(f"{key}: twice, in lines {first} and {second}; Helm takes the last")


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_text_keys(item) for item in value]
    if isinstance(value, dict):
        return {
            key.text if isinstance(key, OtherKey) else key: _with_text_keys(item)
            for key, item in value.items()
        }
    return value
