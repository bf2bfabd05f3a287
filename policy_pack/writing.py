"""How to write a policy: a function that yields problems, with a name, a severity and a remedy.

All policies are mandatory: a violation is not deployed. An unknown value of a preview raises
UnknownValueError when a policy reads the value, and the engine reports the policy as undecided. `each` still
checks the items after such a value. A new resource that a run excludes (`--exclude`) has no properties, and
is not checked.

The engine lists resources in random order; policies of the stack see them sorted by URN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pulumi_policy import (
    EnforcementLevel,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

Item = TypeVar("Item")
Problem = TypeVar("Problem")
Props = Mapping[str, Any]
Problems = Iterable[tuple[PolicyResource, str]]


def of_resources(
    name: str,
    severity: Severity,
    types: Sequence[str] | None,
    description: str,
    remedy: str,
    problems: Callable[[ResourceValidationArgs], Iterable[str]],
) -> ResourceValidationPolicy:
    """A policy of single resources of these types, or of all.

    It sees the inputs, before the resource is created. A policy of the stack sees what providers and clusters
    have added to them, too.
    """

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if (types is None or args.resource_type in types) and args.props:
            for problem in problems(args):
                report(f"{args.name}: {problem}. {remedy}", None)

    return ResourceValidationPolicy(
        name=name,
        description=description,
        enforcement_level=EnforcementLevel.MANDATORY,
        severity=severity,
        remediation_steps=remedy,
        validate=validate,
    )


def of_the_stack(
    name: str,
    severity: Severity,
    description: str,
    remedy: str,
    problems: Callable[[Sequence[PolicyResource]], Problems],
) -> StackValidationPolicy:
    """A policy of all resources together."""

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        checked = sorted((each for each in args.resources if each.props), key=lambda each: each.urn)
        for resource, problem in problems(checked):
            report(f"{resource.name}: {problem}. {remedy}", resource.urn)

    return StackValidationPolicy(
        name=name,
        description=description,
        enforcement_level=EnforcementLevel.MANDATORY,
        severity=severity,
        remediation_steps=remedy,
        validate=validate,
    )


def each(items: Iterable[Item], problems: Callable[[Item], Iterable[Problem]]) -> Iterator[Problem]:
    """The problems of all items. An unknown value is raised after all items have been checked."""
    unknown = None
    for item in items:
        try:
            yield from problems(item)
        except UnknownValueError as error:
            unknown = error
    if unknown:
        raise unknown


def every(*judges: Callable[[], Iterable[Problem]]) -> Iterator[Problem]:
    """The problems that all of them find, in the same way."""
    return each(judges, lambda judge: judge())


def unlike(what: str, values: Sequence[tuple[PolicyResource, str]]) -> Problems:
    """Resources with another value than most."""
    usual = Counter(value for _, value in values).most_common(1)
    for resource, value in values:
        if value != usual[0][0]:
            yield resource, f"its {what} is {value}, not {usual[0][0]} as in others"


def metadata(props: Props) -> Props:
    return props.get("metadata") or {}


def labels(props: Props) -> Props:
    return metadata(props).get("labels") or {}


def listed(value: Any) -> Sequence[Any]:
    """The items of a value that is a list or a single item, as in IAM documents."""
    return value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
