"""Problems of single values: pydantic's errors, in the words of a stack file."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from settings.dates import QUOTES
from settings.models import Settings
from settings.problems import NO_VALUE, Path, Problem
from settings.values import Model, is_encrypted

_REQUIREMENTS = {
    "bool_type": "must be true or false",
    "string_type": "must be text (a number in quotes)",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of keys to values",
    "too_short": "must be a list of at least {min_length}",
    "string_too_short": "must be text of at least {min_length} characters",
    "enum": "must be one of {expected}",
    "value_error": "{error}",
}
_MAPPINGS = ("model_type", "model_attributes_type")
_PLACES = 3
"""That one message names."""
_NUMBERS = ("int_type", "greater_than_equal", "less_than_equal")


def shape_problems(error: ValidationError) -> list[Problem]:
    """A problem for each error. A required key that is misspelt counts once, as an unknown key."""
    problems = [_problem(details) for details in errors_of(error)]
    misspelt = {problem.meant for problem in problems if problem.meant}
    return [problem for problem in problems if not (problem.value is NO_VALUE and problem.path in misspelt)]


def errors_of(error: ValidationError) -> list[ErrorDetails]:
    """The errors, except for lists that are too short only because pydantic skips their invalid items."""
    return [
        details
        for details in error.errors(include_url=False)
        if not (details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"])
    ]


def _problem(error: ErrorDetails) -> Problem:
    path = file_path(error["loc"])
    if error["type"] == "missing":
        field = field_at(path)
        return Problem(path, NO_VALUE, "missing (required)", (field and field.description) or "")
    if error["type"] == "extra_forbidden":
        return _unknown_key(path)
    if "apiKeys" in path and error["loc"][-1] == "[key]":
        requirement = "must be secretName, or the names of variables such as OPENAI_API_KEY"
        return Problem(path, error["input"], requirement)
    if is_encrypted(error["input"]) and error["type"] not in _MAPPINGS:
        advice = "Only the values of companies[].apiKeys may be secret."
        return Problem(path, error["input"], "must be a plain value", advice)
    scalar = error["type"] == "string_type" and not isinstance(error["input"], dict | list)
    advice = QUOTES if scalar and "apiKeys" not in path else ""
    return Problem(path, error["input"], _requirement(path, error), advice)


def file_path(location: Path) -> Path:
    """The path in the file of an error's location in the models: in a file, apiKeys may have no `values`."""
    parts = [part for part in location if part != "[key]"]
    if "apiKeys" in parts and "values" in parts:
        parts.remove("values")
    return tuple(parts)


def _unknown_key(path: Path) -> Problem:
    model = _model(path[:-1])
    known = [field.alias or name for name, field in model.model_fields.items()] if model else []
    sibling, places = _meant(str(path[-1]), known)
    hint = f"Did you mean {' or '.join(places)}? " if places else ""
    advice = f"{hint}Known keys: {', '.join(sorted(known))}."
    meant = (*path[:-1], sibling) if sibling else None
    return Problem(path, NO_VALUE, "unknown key", advice, meant=meant)


def _meant(key: str, known: list[str]) -> tuple[str | None, list[str]]:
    """What an unknown key may be: the key beside it that it resembles, and places of known keys. A key that
    has its name elsewhere is on the wrong level; otherwise it is misspelt.
    """
    plain, wanted = {_plain(each): each for each in known}, _plain(key)
    elsewhere = [(_plain(place.rpartition(".")[2]), place) for place in _places(Settings)]
    same = [place for name, place in elsewhere if name == wanted]
    if wanted not in plain and same:
        return None, same[:_PLACES]
    if close := get_close_matches(wanted, list(plain), n=1, cutoff=0.7):
        return plain[close[0]], [plain[close[0]]]
    names = get_close_matches(wanted, [name for name, _ in elsewhere], n=1, cutoff=0.8)
    return None, [place for name, place in elsewhere if name in names][:_PLACES]


@cache
def _places(model: type[Model], above: str = "") -> list[str]:
    """All keys below a model, such as `regions[].loadBalancer.subnets`."""
    found = []
    for name, field in model.model_fields.items():
        place = f"{above}{field.alias or name}"
        found.append(place)
        items = "[]" if get_origin(field.annotation) is tuple else ""
        for inner in _models_in(field.annotation):
            found += _places(inner, f"{place}{items}.")
    return found


def _plain(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "")


def _requirement(path: Path, error: ErrorDetails) -> str:
    if error["type"] in _MAPPINGS:
        return f"must be {(_model(path) or Model).FORMS}"
    if error["type"] in _NUMBERS:
        return _range(field_at(path))
    return _REQUIREMENTS.get(error["type"], error["msg"]).format(**error.get("ctx", {}))


def _range(field: FieldInfo | None) -> str:
    bounds = {
        key: getattr(constraint, key)
        for constraint in (field.metadata if field else ())
        for key in ("ge", "le")
        if hasattr(constraint, key)
    }
    span = f" from {bounds['ge']} to {bounds['le']}" if len(bounds) == 2 else ""
    return f"must be a whole number{span}"


def _model(path: Path) -> type[Model] | None:
    """The model of the mapping at a path."""
    if not path:
        return Settings
    field = field_at(path)
    return next(_models_in(field.annotation), None) if field else None


def field_at(path: Path) -> FieldInfo | None:
    """The field of a path's last key, indices of lists aside."""
    model: type[Model] | None = Settings
    field: FieldInfo | None = None
    for part in path:
        if isinstance(part, int):
            continue
        if model is None:
            return None
        field = next((each for each in model.model_fields.values() if each.alias == part), None)
        model = next(_models_in(field.annotation), None) if field else None
    return field


def _models_in(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    elif get_origin(annotation) is not None:
        for argument in get_args(annotation):
            yield from _models_in(argument)
