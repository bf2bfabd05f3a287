"""The settings of a file's valid parts, so that the rules over several keys can check them.

Invalid values are removed, or replaced by placeholders where a key is required. Positions stay: the third
region remains the third. A rule reports nothing that depends on an invalid key (`rules.Rule.reads`).
"""

from __future__ import annotations

import copy
from typing import Any

from pydantic import ValidationError

from settings.models import Settings
from settings.problems import Path
from settings.shape_problems import errors_of, file_path
from settings.values import aws_regions

_ROUNDS = 10
"""Removing a value rarely invalidates another; this limit ends the loop in any case."""


def valid_parts(raw: dict[str, Any], error: ValidationError) -> Settings | None:
    """The settings of `raw` without the values that `error` names; None where that leaves no settings."""
    mended = copy.deepcopy(raw)
    for _ in range(_ROUNDS):
        for details in errors_of(error):
            _mend(mended, file_path(details["loc"]))
        try:
            return Settings.model_validate(mended)
        except ValidationError as again:
            error = again
    return None


def _mend(raw: dict[str, Any], path: Path) -> None:
    if path in (("domain",), ("regions",), ("companies",)):
        raw[str(path[0])] = {"domain": "a.invalid", "regions": [_region(raw)], "companies": []}[str(path[0])]
    elif len(path) == 2 and isinstance(path[1], int):
        raw[str(path[0])][path[1]] = _item(raw, path)
    elif len(path) == 3 and isinstance(path[1], int) and path[2] == "name":
        parent = raw[str(path[0])]
        parent[path[1]] = {**_mapping(parent[path[1]]), **_item(raw, path)}
    else:
        _remove(raw, path)


def _item(raw: dict[str, Any], path: Path) -> dict[str, str]:
    return {"name": _region(raw) if path[0] == "regions" else f"placeholder-{path[1]}"}


def _region(raw: dict[str, Any]) -> str:
    """A region that does not occur in the file."""
    return next(name for name in sorted(aws_regions()) if name not in str(raw))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _remove(raw: dict[str, Any], path: Path) -> None:
    """Remove the last key of a mapping on the path: a list with an invalid item is removed as a whole."""
    node: Any = raw
    holder: tuple[dict[Any, Any], str | int] | None = None
    for part in path:
        if isinstance(node, dict) and part in node:
            holder = (node, part)
        elif not (isinstance(node, list) and isinstance(part, int) and part < len(node)):
            break
        node = node[part]
    if holder:
        del holder[0][holder[1]]
