"""The first document of a YAML file as nodes, as Go's yaml.v3 sees it before it decodes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

import yaml
from yaml.parser import ParserError
from yaml.reader import ReaderError

from engine.yaml_scalars import STR, resolve, short

DEEPEST: Final = 100
"""Levels of a stack file are few; a file with more is damaged, or meant to do damage."""
_PYTHON: Final = "tag:yaml.org,2002:python/"
"""Tags that make PyYAML's own loader run code. Go ignores them."""
_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(ValueError):
    """What Go does not accept as YAML. `lines` follow the file's name: `:<line>: <problem>`."""

    def __init__(self, problem: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(problem)
        place = "".join(f":{number}" for number in (line, column) if number is not None)
        self.lines = [f"{place}: not YAML: {problem}"]


class NoText(YamlError):
    """Bytes that are no UTF-8, or characters that YAML does not allow."""


class Kind(Enum):
    SCALAR = auto()
    LIST = auto()
    MAPPING = auto()
    ALIAS = auto()


@dataclass(eq=False, slots=True)
class Node:
    kind: Kind
    line: int
    text: str = ""
    """Of a scalar; the anchor's name of an alias."""
    tag: str = ""
    value: Any = None
    """Of a scalar without a tag."""
    items: list[Node] = field(default_factory=list)
    """Of a list; keys and values in turn of a mapping; the node with the anchor of an alias."""
    explicit: bool = False
    """Whether the file has a tag for the scalar."""
    quoted: bool = False

    @property
    def is_merge(self) -> bool:
        # In quotes or with a tag, too: the CLI writes the file anew for itself, without them.
        return self.kind is Kind.SCALAR and self.text == "<<"

    @property
    def key_tag(self) -> str:
        return self.items[0].key_tag if self.kind is Kind.ALIAS else self.tag

    @property
    def pairs(self) -> Iterator[tuple[Node, Node]]:
        return zip(self.items[::2], self.items[1::2], strict=True)


def first_document(text: bytes) -> Node | None:
    """The node of the first document; None for an empty file. Raises YamlError."""
    try:
        events = yaml.parse(text, Loader=_Loader)
        next(events)
        start = next(events)
        if isinstance(start, yaml.StreamEndEvent):
            return None
        if isinstance(start, yaml.DocumentStartEvent) and start.version not in (None, (1, 1)):
            raise YamlError("found incompatible YAML document")
        root = _node(events, next(events), {}, 0)
        next(events)
        with suppress(ParserError):
            # Go ignores later documents, but has scanned what begins the next one.
            next(events)
    except yaml.MarkedYAMLError as error:  # Without its excerpt of the file, which may hold a key.
        mark = error.problem_mark
        raise YamlError(str(error.problem), *((mark.line + 1, mark.column + 1) if mark else ())) from None
    except ReaderError as error:
        raise NoText(" ".join(str(error.reason).split())) from None
    return root


def _node(events: Iterator[Any], event: Any, anchors: dict[str, Node], depth: int) -> Node:
    line = event.start_mark.line + 1
    if depth > DEEPEST:
        raise YamlError(f"more than {DEEPEST} levels", line)
    if isinstance(event, yaml.AliasEvent):
        if event.anchor not in anchors:
            raise YamlError(f"unknown anchor '{event.anchor}' referenced", line)
        return Node(Kind.ALIAS, line, event.anchor, items=[anchors[event.anchor]])
    if (event.tag or "").startswith(_PYTHON):
        raise YamlError(f"unknown tag {short(event.tag)}", line)
    if isinstance(event, yaml.ScalarEvent):
        node = _scalar(event, line)
    else:
        node = Node(Kind.MAPPING if isinstance(event, yaml.MappingStartEvent) else Kind.LIST, line)
    if event.anchor is not None:
        anchors[event.anchor] = node
    if node.kind is not Kind.SCALAR:
        for inner in events:
            if isinstance(inner, yaml.CollectionEndEvent):
                break
            node.items.append(_node(events, inner, anchors, depth + 1))
    return node


def _scalar(event: yaml.ScalarEvent, line: int) -> Node:
    text = str(event.value)
    if event.tag not in (None, "!"):
        return Node(Kind.SCALAR, line, text, short(event.tag), explicit=True)
    if event.style not in (None, ""):
        return Node(Kind.SCALAR, line, text, STR, text, quoted=True)
    tag, value = resolve(text)
    return Node(Kind.SCALAR, line, text, tag, value)
