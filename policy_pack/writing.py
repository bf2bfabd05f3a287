"""How a policy is written: a function that yields what is wrong, with its name, its weight and the remedy.

All of them are mandatory: what breaks one is not deployed. A value that a preview does not know yet raises
UnknownValueError when a policy reads it, and the engine then says that the policy could not be decided.
`each` keeps such a value from hiding the faults of other items. A new resource that a run leaves out
(`--exclude`) comes without properties, and is not checked.

The engine hands out resources in random order; policies of the stack see them sorted by URN.
"""

from __future__ import annotations

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
Fault = TypeVar("Fault")
Props = Mapping[str, Any]
Found = Iterable[tuple[PolicyResource, str]]


def of_resources(
    name: str,
    severity: Severity,
    types: Sequence[str],
    description: str,
    remedy: str,
    faults: Callable[[ResourceValidationArgs], Iterable[str]],
) -> ResourceValidationPolicy:
    """One that looks at each resource of these types by itself."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type in types and args.props:
            for fault in faults(args):
                report(f"{args.name}: {fault}. {remedy}", None)

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
    faults: Callable[[Sequence[PolicyResource]], Found],
) -> StackValidationPolicy:
    """One that looks at all resources together."""

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        made = sorted((one for one in args.resources if one.props), key=lambda one: one.urn)
        for resource, fault in faults(made):
            report(f"{resource.name}: {fault}. {remedy}", resource.urn)

    return StackValidationPolicy(
        name=name,
        description=description,
        enforcement_level=EnforcementLevel.MANDATORY,
        severity=severity,
        remediation_steps=remedy,
        validate=validate,
    )


def each(items: Iterable[Item], faults: Callable[[Item], Iterable[Fault]]) -> Iterator[Fault]:
    """The faults of all items. An unknown value in one is raised after the others have been checked."""
    unknown = None
    for item in items:
        try:
            yield from faults(item)
        except UnknownValueError as error:
            unknown = error
    if unknown:
        raise unknown


def metadata(props: Props) -> Props:
    return props.get("metadata") or {}


def labels(props: Props) -> Props:
    return metadata(props).get("labels") or {}


def listed(value: Any) -> Sequence[Any]:
    """What may be one or several, as IAM documents have it."""
    return value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
