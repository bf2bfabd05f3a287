"""Whether IAM documents allow a request: the part of IAM's logic that the platform's documents use.

An explicit deny wins, else any allow does (IAM user guide, "Policy evaluation logic"). `*` and `?` match any
characters, `/` included; variables are replaced by values of the request, and an unknown one matches nothing.
What is not supported raises, so that no document passes for a condition that nobody looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Document = Mapping[str, Any]

_VARIABLE = re.compile(r"\$\{([^}]+)\}")


@dataclass(frozen=True, kw_only=True)
class Request:
    """Who asks for what. `context` holds condition keys: of the session, of the request."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    principal: str = ""
    """For trust documents and bucket policies: `<kind>:<value>`, such as `Service:pods.eks.amazonaws.com`."""


def allows(document: Document, request: Request) -> bool:
    effects = {statement["Effect"] for statement in document["Statement"] if _applies(statement, request)}
    return effects == {"Allow"}


def denies(document: Document, request: Request) -> bool:
    """Whether the document refuses the request whatever another one allows."""
    return any(one["Effect"] == "Deny" and _applies(one, request) for one in document["Statement"])


def _applies(statement: Document, request: Request) -> bool:
    unknown = statement.keys() - {"Sid", "Effect", "Action", "Resource", "Principal", "Condition"}
    if unknown:
        raise NotImplementedError(f"statement with {sorted(unknown)}")
    conditions = statement.get("Condition", {})
    return (
        any(_like(action, request.action, {}, fold=True) for action in _listed(statement["Action"]))
        and any(
            _like(one, request.resource, request.context) for one in _listed(statement.get("Resource", "*"))
        )
        and _is_principal(statement.get("Principal"), request.principal)
        and all(_holds(operator, wanted, request.context) for operator, wanted in conditions.items())
    )


def _is_principal(principal: Any, who: str) -> bool:
    if principal in (None, "*"):
        return True
    kind, _, value = who.partition(":")
    return any(one in ("*", value) for one in _listed(principal.get(kind, []) if who else []))


def _holds(operator: str, wanted: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Whether every key of a condition block fits; a key that the request lacks never does."""
    if operator not in ("StringEquals", "StringLike", "Bool"):
        raise NotImplementedError(f"condition {operator}")
    for key, values in wanted.items():
        if key not in context:
            return False
        if operator == "StringLike":
            fits = any(_like(value, context[key], context) for value in _listed(values))
        else:
            fits = any(_filled(value, context) == context[key] for value in _listed(values))
        if not fits:
            return False
    return True


def _filled(pattern: str, context: Mapping[str, str]) -> str | None:
    """The text with its variables replaced; None where one has no value."""
    names = _VARIABLE.findall(pattern)
    if any(name not in context for name in names):
        return None
    return _VARIABLE.sub(lambda match: context[match[1]], pattern)


def _like(pattern: str, value: str, context: Mapping[str, str], *, fold: bool = False) -> bool:
    """`*` and `?` of the pattern itself are wildcards; those in a variable's value are not."""
    pieces = _VARIABLE.split(pattern)
    if any(name not in context for name in pieces[1::2]):
        return False
    values = tuple(context[name] for name in pieces[1::2])
    return _compiled(tuple(pieces[::2]), values, fold).fullmatch(value) is not None


@cache
def _compiled(pieces: tuple[str, ...], values: tuple[str, ...], fold: bool) -> re.Pattern[str]:
    """Pieces of a pattern with values between them."""
    wild = [re.escape(piece).replace(r"\*", ".*").replace(r"\?", ".") for piece in pieces]
    parts = [text for pair in zip(wild, [*map(re.escape, values), ""], strict=True) for text in pair]
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if fold else 0))


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def wildcards(document: Document) -> Iterator[str]:
    """What no document may allow: any action, any resource, prefixes that begin anywhere."""
    for statement in document["Statement"]:
        if statement["Effect"] != "Allow":
            continue
        said = statement.get("Sid", "a statement")
        if missing := {"NotAction", "NotResource", "NotPrincipal"} & statement.keys():
            yield f"{said}: {sorted(missing)}"
        for action in _listed(statement.get("Action", [])):
            if "*" in action or "?" in action:
                yield f"{said}: action {action}"
        for resource in _listed(statement.get("Resource", [])):
            # Only the end of an object's key may be open.
            if "*" in resource.removesuffix("/*") or "?" in resource or resource.endswith(":::/*"):
                yield f"{said}: resource {resource}"
        for values in (of for block in statement.get("Condition", {}).values() for of in block.values()):
            for value in _listed(values):
                if "*" in value.removesuffix("/*") or value == "/*":
                    yield f"{said}: condition {value}"
