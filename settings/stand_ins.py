"""Settings of a file whose single values are at fault, so that rules over several keys can look at the rest.

What is at fault is left out, or gives way to a stand-in where a key is required. Nothing moves: the third
region stays the third. Rules whose keys are at fault keep silent about it (`rules.Rule.reads`).
"""

from __future__ import annotations

import copy
from typing import Any

from pydantic import ValidationError

from settings.faults import Path
from settings.models import Settings
from settings.shape_faults import errors_of, file_path
from settings.values import aws_regions

_ROUNDS = 10
"""Taking one thing out rarely breaks another; this ends what would go on."""


def settings_without_faults(raw: dict[str, Any], error: ValidationError) -> Settings | None:
    """The settings of `raw` less what `error` names; None where that can't be said."""
    mended = copy.deepcopy(raw)
    for _ in range(_ROUNDS):
        for fault in errors_of(error):
            _mend(mended, file_path(fault["loc"]))
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
        _leave_out(raw, path)


def _item(raw: dict[str, Any], path: Path) -> dict[str, str]:
    return {"name": _region(raw) if path[0] == "regions" else f"stand-in-{path[1]}"}


def _region(raw: dict[str, Any]) -> str:
    """A region that the file does not name."""
    return next(name for name in sorted(aws_regions()) if name not in str(raw))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _leave_out(raw: dict[str, Any], path: Path) -> None:
    """Remove the deepest mapping's key on the way: a list with a bad item goes as a whole."""
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
