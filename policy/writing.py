"""How a policy is written: a function that yields what is wrong, with its name, its weight and the remedy.

All of them are mandatory: what breaks one is not deployed. A value that a preview does not know yet raises
UnknownValueError when it is looked at, and the engine then says that the policy could not be decided. A new
resource that a run leaves out (`--exclude`) comes without properties, and is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

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
        made = [one for one in args.resources if one.props]
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


def metadata(props: Props) -> Props:
    return props.get("metadata") or {}


def labels(props: Props) -> Props:
    return metadata(props).get("labels") or {}


def listed(value: Any) -> Sequence[Any]:
    """What may be one or several, as IAM documents have it."""
    return value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
