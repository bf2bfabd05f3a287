"""Whether IAM documents allow a request: the part of IAM's logic that the platform's documents use.

An explicit deny wins, else any allow does (IAM user guide, "Policy evaluation logic"). `*` and `?` match any
characters, `/` included; variables are replaced by values of the request, and an unknown variable matches
nothing. Unsupported elements raise, so that no document passes with a condition that was not evaluated.
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
    """A principal's request. `context` holds the condition keys of the session and of the request."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    principal: str = ""
    """For trust documents and bucket policies: `<kind>:<value>`, such as `Service:pods.eks.amazonaws.com`."""


def allows(document: Document, request: Request) -> bool:
    effects = {statement["Effect"] for statement in document["Statement"] if _applies(statement, request)}
    return effects == {"Allow"}


def denies(document: Document, request: Request) -> bool:
    """Whether the document denies the request, whatever other documents allow."""
    return any(
        statement["Effect"] == "Deny" and _applies(statement, request) for statement in document["Statement"]
    )


def _applies(statement: Document, request: Request) -> bool:
    known = {"Sid", "Effect", "Action", "NotAction", "Resource", "Principal", "Condition"}
    if unknown := statement.keys() - known:
        raise NotImplementedError(f"statement with {sorted(unknown)}")
    conditions = statement.get("Condition", {})
    return (
        _is_action(statement, request.action)
        and any(
            _like(resource, request.resource, request.context)
            for resource in _listed(statement.get("Resource", "*"))
        )
        and _is_principal(statement.get("Principal"), request.principal)
        and all(_holds(operator, wanted, request.context) for operator, wanted in conditions.items())
    )


def _is_action(statement: Document, action: str) -> bool:
    if "NotAction" in statement:
        return not any(_like(each, action, {}, fold=True) for each in _listed(statement["NotAction"]))
    return any(_like(each, action, {}, fold=True) for each in _listed(statement["Action"]))


def _is_principal(principal: Any, who: str) -> bool:
    if principal in (None, "*"):
        return True
    kind, _, value = who.partition(":")
    return bool({"*", value} & {*_listed(principal.get(kind, []) if who else [])})


def _holds(operator: str, wanted: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Whether every key of a condition block matches; a key that the request lacks only does `…IfExists`."""
    name = operator.removesuffix("IfExists")
    if name == "Null":
        return all((key not in context) == (value == "true") for key, value in wanted.items())
    if name not in ("StringEquals", "StringLike", "ArnLike", "Bool"):
        raise NotImplementedError(f"condition {operator}")
    return all(
        _matches(name, _listed(values), context[key], context) if key in context else name != operator
        for key, values in wanted.items()
    )


def _matches(operator: str, wanted: list[str], value: str, context: Mapping[str, str]) -> bool:
    if operator in ("StringLike", "ArnLike"):
        return any(_like(each, value, context) for each in wanted)
    return any(_filled(each, context) == value for each in wanted)


def _filled(pattern: str, context: Mapping[str, str]) -> str | None:
    """The text with its variables replaced; None where a variable has no value."""
    names = _VARIABLE.findall(pattern)
    if any(name not in context for name in names):
        return None
    return _VARIABLE.sub(lambda match: context[match[1]], pattern)


def _like(pattern: str, value: str, context: Mapping[str, str], *, fold: bool = False) -> bool:
    """`*` and `?` of the pattern are wildcards; in a variable's value they are literal."""
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
    """Wildcards that no document may have: in actions, in resources, in prefixes except at the end."""
    for statement in document["Statement"]:
        if statement["Effect"] != "Allow":
            continue
        sid = statement.get("Sid", "a statement")
        if missing := {"NotAction", "NotResource", "NotPrincipal"} & statement.keys():
            yield f"{sid}: {sorted(missing)}"
        for action in _listed(statement.get("Action", [])):
            if "*" in action or "?" in action:
                yield f"{sid}: action {action}"
        for resource in _listed(statement.get("Resource", [])):
            # Only the end of an object's key may be a wildcard.
            if "*" in resource.removesuffix("/*") or "?" in resource or resource.endswith(":::/*"):
                yield f"{sid}: resource {resource}"
        for values in (each for block in statement.get("Condition", {}).values() for each in block.values()):
            for value in _listed(values):
                # Of an ARN, the account must be known.
                vague = value.split(":")[4] if value.startswith("arn:") else value.removesuffix("/*")
                if "*" in vague or value == "/*":
                    yield f"{sid}: condition {value}"
