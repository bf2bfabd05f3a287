"""What is wrong with a resource's inputs, by the table and by botocore's models of the calls."""

from __future__ import annotations

import re
from typing import Any, Final

import jmespath

from engine.values import COMPUTED, changes
from local.aws_provider.api import Client, Values
from local.aws_provider.requests import parameters, present, properties_shape, without
from local.aws_provider.shapes import Problems, letters, property_of, unknown
from local.aws_provider.table import Row
from local.emulator import REGION

MISSING: Final = "missing (required)"


def problems_of(row: Row, client: Client, inputs: Values) -> Problems:
    """The problems of the inputs by property path. Whatever is not known yet has none."""
    known = {name: value for name, value in _known(inputs).items() if not name.startswith("__")}
    allowed = _allowed(row, properties_shape(row, client, row.main))
    places = {letters(name) for name in allowed}
    problems = unknown((name for name in known if letters(name) not in places), allowed)
    known = {name: value for name, value in known.items() if name not in problems}
    problems |= _lost(row, without(row, known))
    complete = {"region": REGION, **{name: inputs[name] for name in inputs if name.startswith("__")}, **known}
    sent = parameters(row, client, row.main, complete, problems)
    problems = _model_problems(row, client, sent) | problems
    if known != {name: inputs[name] for name in known} or COMPUTED in inputs.values():
        return {path: problem for path, problem in problems.items() if problem != MISSING}
    return problems


def path_of(keys: tuple[str, ...]) -> str:
    """A property path as Pulumi writes it."""
    path = "".join(
        f"[{key}]" if key.isdigit() else f".{key}" if re.fullmatch(r"\w+", key) else f'["{key}"]'
        for key in keys
    )
    return path.removeprefix(".")


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _known(item) for key, item in value.items() if item is not COMPUTED}
    if isinstance(value, list):
        return [_known(item) for item in value if item is not COMPUTED]
    return value


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


def _lost(row: Row, given: Values) -> Problems:
    """What a record set has no place for."""
    nested = present(jmespath.search(row.nest, present(jmespath.search(row.flatten, given))))
    return {
        path_of(change.path): "unknown key"
        if change.new is None
        else f"must have 1 element, got {len(change.old)}"
        for change in changes(given, nested)
    }


def _model_problems(row: Row, client: Client, sent: Values) -> Problems:
    from botocore.validate import ParamValidator

    report = ParamValidator().validate(sent, client.shape(row.main))
    found = Problems()
    for fault, name, details in report._errors:
        member = f"{name}.{details['required_name']}" if fault == "missing required field" else name
        at = re.sub(
            rf"^\.?(ChangeBatch\.Changes\[0\]\.ResourceRecordSet|{row.body or '(?!)'})?\.?", "", member
        )
        path = ".".join(row.key.get(part) or property_of(part, row.names) for part in at.split("."))
        value = {key: item for key, item in details.items() if key not in ("param", "required_name")}
        found[path] = (
            MISSING if "required_name" in details else f"{fault}, got {details.get('param')!r} {value}"
        )
    return found
