"""Converts between Pulumi's properties and AWS's shapes, by botocore's service models.

A property belongs to the member with the same letters, without a plural s, or to the member in `names`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine.values import COMPUTED
from local.aws.provider.api import Values

Names = Mapping[str, str]
Problems = dict[str, str]
"""Property path → problem."""

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")
_INTEGERS = ("integer", "long")


def fit(value: Any, shape: Any, names: Names, problems: Problems, path: str = "") -> Any:
    """The properties in AWS's `shape`. Adds unknown properties and invalid values to `problems`."""
    if shape.type_name == "structure":
        return _fit_structure(value, shape.members, names, problems, path)
    if shape.type_name == "list":
        if isinstance(value, Mapping) and _is_tag(shape.member):
            return to_tags(value)
        items = value if isinstance(value, list) else [value]
        where = [f"{path}[{index}]" if isinstance(value, list) else path for index in range(len(items))]
        return [fit(item, shape.member, names, problems, at) for item, at in zip(items, where, strict=True)]
    return _fit_scalar(value, shape, problems, path)


def _fit_structure(
    value: Any, members: Mapping[str, Any], names: Names, problems: Problems, path: str
) -> Values:
    if not isinstance(value, Mapping):
        return {next(iter(members)): value}
    by_letters = {_letters(name): name for name in value}
    properties = {member: by_letters.get(_letters(names.get(member, member))) for member in members}
    fitted = {member: name for member, name in properties.items() if name is not None}
    prefix = f"{path}." if path else ""
    if path:  # at the top, a call may take only some of the properties
        allowed = [property_of(member, names) for member in members]
        problems |= unknown(value.keys() - set(fitted.values()), allowed, prefix)
    return {
        member: fit(value[name], members[member], names, problems, prefix + name)
        for member, name in fitted.items()
    }


def unknown(names: Iterable[str], allowed: Iterable[str], prefix: str = "") -> Problems:
    rule = f"unknown key; must be one of {', '.join(sorted(allowed))}"
    return {prefix + name: rule for name in sorted(names)}


def _fit_scalar(value: Any, shape: Any, problems: Problems, path: str) -> Any:
    if shape.type_name in _INTEGERS:
        try:
            return int(value)
        except (TypeError, ValueError):
            problems[path] = f"must be a whole number, got {value!r}"
    elif shape.type_name == "boolean" and not isinstance(value, bool):
        problems[path] = f"must be one of true, false, got {value!r}"
    elif shape.type_name == "string":
        text = value if isinstance(value, str) else to_text(value)
        allowed = getattr(shape, "enum", None)
        if allowed and text not in allowed:
            problems[path] = f"must be one of {', '.join(allowed)}, got {text}"
        return text
    return value


def unfit(live: Any, shape: Any, names: Names, desired: Any = None) -> Any:
    """AWS's answer with Pulumi's names in the form of `desired`; `desired` itself if both mean the same.

    A member that is not in `desired` is left out if its value is off, empty or absent.
    """
    if shape.type_name == "structure" and isinstance(live, Mapping):
        if desired is not None and not isinstance(desired, Mapping):
            member = next(iter(shape.members))
            return unfit(live.get(member), shape.members[member], names, desired)
        return _unfit_structure(dict(live), shape.members, names, dict(desired or {}))
    if shape.type_name == "list" and isinstance(live, list):
        return _unfit_list(live, shape.member, names, desired)
    if same(live, desired):
        return desired
    return to_text(live) if isinstance(live, Mapping) else live


def _unfit_structure(live: Values, members: Mapping[str, Any], names: Names, desired: Values) -> Values:
    by_letters = {_letters(name): name for name in desired}
    properties = Values()
    for member, value in live.items():
        if member in members and value is not None:
            default = property_of(member, names)
            name = by_letters.get(_letters(default), default)
            properties[name] = unfit(value, members[member], names, desired.get(name))
    return {
        name: value
        for name, value in properties.items()
        if name in desired or value not in (False, "", [], {}) or (value == 0 and value is not False)
    }


def _unfit_list(live: list[Any], member: Any, names: Names, desired: Any) -> Any:
    if _is_tag(member):
        return {tag["Key"]: tag["Value"] for tag in live}
    single = desired is not None and not isinstance(desired, list)
    guides = [desired] if single else desired or [None]
    items = [unfit(item, member, names, guides[min(i, len(guides) - 1)]) for i, item in enumerate(live)]
    if single:
        return items[0] if len(items) == 1 else items
    ordered = isinstance(desired, list) and sorted(map(str, items)) == sorted(map(str, desired))
    return desired if ordered else items


def same(live: Any, desired: Any) -> bool:
    """Whether two values mean the same: JSON in any layout, a DNS name with or without its final dot."""
    if live == desired:
        return True
    if live is None or desired is None or COMPUTED in (live, desired):
        return False
    if isinstance(live, bool) or isinstance(desired, bool):
        return str(live).lower() == str(desired).lower()
    a, b = _document(live), _document(desired)
    return bool(a == b) or str(a).rstrip(".") == str(b).rstrip(".")


def _document(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def normal(value: Any) -> Any:
    """The value with each JSON document in one layout."""
    if isinstance(value, Mapping):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    document = _document(value)
    return value if document is value else to_text(document)


def to_text(document: Any) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def to_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": str(value)} for key, value in tags.items()]


def property_of(member: str, names: Names) -> str:
    """A member's name as a property: `EnableSNI` is `enableSni`."""
    if member in names:
        return names[member]
    words: list[str] = _WORD.findall(member[:1].upper() + member[1:])
    return words[0].lower() + "".join(word.capitalize() for word in words[1:])


def _is_tag(member: Any) -> bool:
    return set(getattr(member, "members", ())) == {"Key", "Value"}


def _letters(name: str) -> str:
    return name.lower().removesuffix("s")
