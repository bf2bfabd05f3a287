"""Decodes YAML as Go's yaml.v3 does into values of any type: keys, merges, aliases, duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from engine.go_numbers import as_text
from engine.yaml_nodes import Kind, Node, YamlError, first_document
from engine.yaml_scalars import MERGE, STR, Time, tagged

_FEW, _MANY = 400_000, 4_000_000
_ALIASED_MAPPING: Final = "map merge requires map or sequence of maps as the value"


class DuplicateKeys(YamlError):
    def __init__(self, problems: Iterable[str]) -> None:
        super().__init__("duplicate keys")
        self.lines = [f": {problem}" for problem in problems]


class OtherKey(NamedTuple):
    """A key of a mapping that is no text, as Go prints it."""

    tag: str
    text: str


def load(text: bytes) -> Any:
    """The value of the first document; dates are `Time`. Raises YamlError."""
    root = first_document(text)
    return None if root is None else Decoder().decode(root)


class Decoder:
    def __init__(self) -> None:
        self._decoded = self._aliased = 0
        self._open = list[Node]()
        self._problems = list[str]()

    def decode(self, root: Node) -> Any:
        value = self._value(root)
        if self._problems:
            raise DuplicateKeys(dict.fromkeys(self._problems))
        return value

    def scalar(self, node: Node) -> Any:
        if not node.explicit:
            return node.value
        try:
            return tagged(node.tag, node.text)
        except ValueError as error:
            raise YamlError(str(error), node.line) from None

    def duplicate(self, key: str, first: int, second: int) -> None:
        self._problems.append(f"{key}: duplicate key, in lines {first} and {second}")

    def _value(self, node: Node) -> Any:
        self._count(node)
        if node.kind is Kind.ALIAS:
            with_anchor = node.items[0]
            if node in self._open:
                raise YamlError(f"anchor '{node.text}' value contains itself", node.line)
            self._open.append(node)
            try:
                return self._value(with_anchor)
            finally:
                self._open.pop()
        if node.kind is Kind.SCALAR:
            return self.scalar(node)
        if node.kind is Kind.LIST:
            return [self._value(item) for item in node.items]
        texts = all(key.key_tag in (STR, MERGE) for key, _ in node.pairs)
        found: dict[Any, Any] = {}
        self._fill(found, node, texts, None)
        return found

    def _fill(self, found: dict[Any, Any], node: Node, texts: bool, merged: set[Any] | None) -> None:
        """Go's order: own keys first, then those of the merged mappings that are not there yet."""
        self._find_duplicates(node)
        merge: Node | None = None
        for key_node, value in node.pairs:
            if key_node.is_merge:
                merge = value
                continue
            key = self._key(key_node, texts)
            if merged is not None:
                if key in merged:
                    continue
                merged.add(key)
            found[key] = self._value(value)
        if merge is not None:
            if merged is None:
                merged = {self._key(key, texts) for key, _ in node.pairs}
            for mapping in self._mappings(merge):
                self._fill(found, mapping, texts, merged)

    def _mappings(self, merge: Node) -> Iterator[Node]:
        for each in merge.items if merge.kind is Kind.LIST else [merge]:
            self._count(each)
            target = each.items[0] if each.kind is Kind.ALIAS else each
            if target.kind is not Kind.MAPPING:
                raise YamlError(_ALIASED_MAPPING, each.line)
            if target is not each:
                self._count(target)
            if target in self._open:
                raise YamlError(f"anchor '{each.text}' value contains itself", each.line)
            self._open.append(target)
            yield target
            self._open.pop()

    def _key(self, node: Node, texts: bool) -> Any:
        target = node.items[0] if node.kind is Kind.ALIAS else node
        if target.kind is not Kind.SCALAR:
            raise YamlError("a key must be text", node.line)
        if texts:
            return target.text
        value = self._value(node)
        if value != value:
            raise YamlError("a key must be text", node.line)
        if isinstance(value, str) and not isinstance(value, Time):
            return value
        return OtherKey(target.tag, printed(value))

    def _find_duplicates(self, node: Node) -> None:
        seen: dict[tuple[Kind, str], int] = {}
        for key, _ in node.pairs:
            place = (key.kind, key.text)
            if place in seen:
                self.duplicate(key.text, seen[place], key.line)
            seen.setdefault(place, key.line)

    def _count(self, node: Node) -> None:
        """Go's bound on what aliases may multiply."""
        self._decoded += 1
        self._aliased += bool(self._open) or node.kind is Kind.ALIAS
        share = 0.99
        if self._decoded > _FEW:
            share -= 0.89 * (min(self._decoded, _MANY) - _FEW) / (_MANY - _FEW)
        if self._aliased > 100 and self._decoded > 1000 and self._aliased / self._decoded > share:
            raise YamlError("document contains excessive aliasing")


def printed(value: Any) -> str:
    """As Go prints a scalar."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return str(value).lower()
        case float():
            return as_text(value or 0.0)  # Without a sign.
    return str(value)
