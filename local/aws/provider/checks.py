"""Validates a resource's inputs by the table and by botocore's models of the calls."""

from __future__ import annotations

import re
from typing import Any, Final

import jmespath

from engine.values import COMPUTED, changes
from local.aws.emulator import REGION
from local.aws.provider.api import Client, Values
from local.aws.provider.requests import parameters, present, properties_shape, without
from local.aws.provider.shapes import Problems, property_of, unknown
from local.aws.provider.table import Row

MISSING: Final = "missing (required)"
_MESSAGES: Final = {
    "missing required field": MISSING,
    "invalid type": "must be one of {valid_types}, got {param!r}",
    "invalid range": "must be at least {min_allowed}, got {param}",
    "invalid length": "must have a length of at least {min_allowed}, got {param}",
}
"""Messages for the errors that botocore reports."""


def problems_of(row: Row, client: Client, inputs: Values) -> Problems:
    """Problems of the inputs by property path. Values that are not known yet have none."""
    known = {name: value for name, value in inputs.items() if name[:2] != "__" and not _has_unknown(value)}
    allowed = _allowed(row, properties_shape(row, client, row.main))
    problems = unknown(known.keys() - allowed, allowed)
    known = {name: value for name, value in known.items() if name not in problems}
    problems |= _without_place(row, without(row, known))
    complete = {"region": REGION, **{name: inputs[name] for name in inputs if name.startswith("__")}, **known}
    sent = parameters(row, client, row.main, complete, problems)
    problems = _model_problems(row, client, sent) | problems
    incomplete = any(map(_has_unknown, inputs.values()))
    return {path: text for path, text in problems.items() if not (incomplete and text == MISSING)}


def path_of(keys: tuple[str, ...]) -> str:
    """A property path as Pulumi writes it."""
    path = "".join(
        f"[{key}]" if key.isdigit() else f".{key}" if re.fullmatch(r"\w+", key) else f'["{key}"]'
        for key in keys
    )
    return path.removeprefix(".")


def _has_unknown(value: Any) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is COMPUTED or any(map(_has_unknown, items))


def _allowed(row: Row, shape: Any) -> set[str]:
    members = shape.members if row.members is None else row.members
    names = {property_of(member, row.names): True for member in members}
    keys = {name for name in row.key.values() if name != "id" and not name.startswith("__")}
    return {
        "region",
        *present(jmespath.search(row.nest, names)),
        *keys,
        *row.local,
        *(["tags"] if row.tags else []),
    }


def _without_place(row: Row, inputs: Values) -> Problems:
    """Inputs for which a record set has no place."""
    nested = present(jmespath.search(row.nest, present(jmespath.search(row.flatten, inputs))))
    return {
        path_of(change.path): "unknown key"
        if change.new is None
        else f"must have 1 element, got {len(change.old)}"
        for change in changes(inputs, nested)
    }


def _model_problems(row: Row, client: Client, sent: Values) -> Problems:
    from botocore.validate import ParamValidator

    report = ParamValidator().validate(sent, client.shape(row.main))
    problems = Problems()
    for kind, name, details in report._errors:
        member = f"{name}.{details['required_name']}" if kind == "missing required field" else name
        at = re.sub(
            rf"^\.?(ChangeBatch\.Changes\[0\]\.ResourceRecordSet|{row.body or '(?!)'})?\.?", "", member
        )
        path = ".".join(row.key.get(part) or property_of(part, row.names) for part in at.split("."))
        problems[path] = _MESSAGES.get(kind, kind + ", got {param!r}").format_map({"param": None, **details})
    return problems
