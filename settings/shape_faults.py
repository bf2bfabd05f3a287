"""Faults of single values: pydantic's errors, said in the words of a stack file."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from settings.faults import MISSING, Fault, Path, without_tokens
from settings.models import Settings
from settings.values import Model, is_encrypted

_TEXTS = {
    "bool_type": "true or false",
    "string_type": "text (a number in quotes)",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "too_short": "a list of at least {min_length}",
    "string_too_short": "text of at least {min_length} characters",
    "enum": "{expected}",
    "value_error": "{error}",
}
_MAPPINGS = ("model_type", "model_attributes_type")
_NUMBERS = ("int_type", "greater_than_equal", "less_than_equal")


def shape_faults(error: ValidationError) -> list[Fault]:
    """A fault for each error. A missing key that is there misspelt counts once, as the unknown key."""
    faults = [_fault(one) for one in errors_of(error)]
    misspelt = {fault.meant for fault in faults if fault.meant}
    return [fault for fault in faults if not (fault.value is MISSING and fault.path in misspelt)]


def errors_of(error: ValidationError) -> list[ErrorDetails]:
    """The errors, but for what pydantic says of a list that is too short only without its bad items."""
    return [
        one
        for one in error.errors(include_url=False)
        if not (one["type"] == "too_short" and len(one["input"]) >= one["ctx"]["min_length"])
    ]


def _fault(error: ErrorDetails) -> Fault:
    path = file_path(error["loc"])
    if error["type"] == "missing":
        field = field_at(path)
        return Fault(path, MISSING, f"this key is required. {(field and field.description) or ''}".strip())
    if error["type"] == "extra_forbidden":
        return _unknown_key(path, error["input"])
    if "apiKeys" in path and error["loc"][-1] == "[key]":
        return Fault(path, error["input"], "secretName, or the names of variables such as OPENAI_API_KEY")
    return Fault(path, error["input"], _accepted(path, error))


def file_path(place: Path) -> Path:
    """Where pydantic found an error, as a path in the file: API keys have no `values` there, keys no mark."""
    parts = [part for part in place if part != "[key]"]
    if "apiKeys" in parts and "values" in parts:
        parts.remove("values")
    return tuple(parts)


def _unknown_key(path: Path, value: Any) -> Fault:
    model = _model(path[:-1])
    known = [field.alias or name for name, field in model.model_fields.items()] if model else []
    plain = {_plain(key): key for key in known}
    close = get_close_matches(_plain(str(path[-1])), list(plain), n=1, cutoff=0.7)
    hint = f"did you mean {plain[close[0]]}? " if close else ""
    return Fault(
        path,
        without_tokens(value),
        f"no such key; {hint}known: {', '.join(sorted(known))}",
        meant=(*path[:-1], plain[close[0]]) if close else None,
    )


def _plain(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "")


def _accepted(path: Path, error: ErrorDetails) -> str:
    if is_encrypted(error["input"]) and error["type"] not in _MAPPINGS:
        return "a plain value: only the values of companies[].apiKeys may be secret"
    if error["type"] in _MAPPINGS:
        model = _model(path)
        return model.ACCEPTED if model else Model.ACCEPTED
    if error["type"] in _NUMBERS:
        return _range(field_at(path))
    return _TEXTS.get(error["type"], error["msg"]).format(**error.get("ctx", {}))


def _range(field: FieldInfo | None) -> str:
    bounds = {
        key: getattr(one, key)
        for one in (field.metadata if field else ())
        for key in ("ge", "le")
        if hasattr(one, key)
    }
    return f"a whole number from {bounds['ge']} to {bounds['le']}" if len(bounds) == 2 else "a whole number"


def _model(path: Path) -> type[Model] | None:
    """The model of the mapping at a path."""
    if not path:
        return Settings
    field = field_at(path)
    return next(_models_in(field.annotation), None) if field else None


def field_at(path: Path) -> FieldInfo | None:
    """The field of the key that a path ends in, or whose list or mapping it ends in."""
    model: type[Model] | None = Settings
    field: FieldInfo | None = None
    for part in path:
        if isinstance(part, int):
            continue
        if model is None:
            return None
        field = next((one for one in model.model_fields.values() if one.alias == part), None)
        model = next(_models_in(field.annotation), None) if field else None
    return field


def _models_in(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    elif get_origin(annotation) is not None:
        for argument in get_args(annotation):
            yield from _models_in(argument)
