"""Between Pulumi's properties and AWS's shapes, in both directions, by botocore's service models.

A property goes to the member of the same letters, a plural s aside, or to the member that `names` maps to it.
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
"""Property paths, and what is wrong there."""

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")
_INTEGERS = ("integer", "long")


def fit(value: Any, shape: Any, names: Names, problems: Problems, path: str = "") -> Any:
    """The properties as AWS's `shape` takes them. What has no place there or is not allowed is a problem."""
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
    found = {_letters(name): name for name in value}
    wanted = {member: found.get(_letters(names.get(member, member))) for member in members}
    fitted = {member: name for member, name in wanted.items() if name is not None}
    prefix = f"{path}." if path else ""
    if path:  # at the top, a call may take a part of the properties
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


def unfit(live: Any, shape: Any, names: Names, given: Any = None) -> Any:
    """What AWS answered, in Pulumi's names and in the form of `given`, and `given` itself where they agree.

    Of members that `given` does not have, those that say something are in it: a default that is off, empty or
    absent does not.
    """
    if shape.type_name == "structure" and isinstance(live, Mapping):
        if given is not None and not isinstance(given, Mapping):
            member = next(iter(shape.members))
            return unfit(live.get(member), shape.members[member], names, given)
        return _unfit_structure(dict(live), shape.members, names, dict(given or {}))
    if shape.type_name == "list" and isinstance(live, list):
        return _unfit_list(live, shape.member, names, given)
    if same(live, given):
        return given
    return to_text(live) if isinstance(live, Mapping) else live


def _unfit_structure(live: Values, members: Mapping[str, Any], names: Names, given: Values) -> Values:
    by_letters = {_letters(name): name for name in given}
    properties = Values()
    for member, value in live.items():
        if member in members and value is not None:
            default = property_of(member, names)
            name = by_letters.get(_letters(default), default)
            properties[name] = unfit(value, members[member], names, given.get(name))
    return {
        name: value
        for name, value in properties.items()
        if name in given or value not in (False, "", [], {}) or (value == 0 and value is not False)
    }


def _unfit_list(live: list[Any], member: Any, names: Names, given: Any) -> Any:
    if _is_tag(member):
        return {tag["Key"]: tag["Value"] for tag in live}
    one = given is not None and not isinstance(given, list)
    guides = [given] if one else given or [None]
    items = [unfit(item, member, names, guides[min(i, len(guides) - 1)]) for i, item in enumerate(live)]
    if one:
        return items[0] if len(items) == 1 else items
    ordered = isinstance(given, list) and sorted(map(str, items)) == sorted(map(str, given))
    return given if ordered else items


def same(live: Any, given: Any) -> bool:
    """Whether two values mean the same to AWS: JSON in any layout, a DNS name with or without last dot."""
    if live == given:
        return True
    if live is None or given is None or COMPUTED in (live, given):
        return False
    if isinstance(live, bool) or isinstance(given, bool):
        return str(live).lower() == str(given).lower()
    one, other = _document(live), _document(given)
    return bool(one == other) or str(one).rstrip(".") == str(other).rstrip(".")


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
