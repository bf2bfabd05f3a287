"""The pack without the engine: on what a program registered with the recorder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pulumi_policy import (
    Policy,
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy

from engine.recorder import Registration
from engine.values import COMPUTED, Secret
from policy_pack.pack import POLICIES

PROVIDER = "pulumi:providers:"


@dataclass(frozen=True, kw_only=True)
class Violation:
    policy: str
    severity: str
    message: str
    urn: str = ""
    """Of the resource at fault; "" is the whole stack."""

    def __str__(self) -> str:
        return f"{self.policy} ({self.severity}): {self.message}"


@dataclass(kw_only=True)
class Findings:
    violations: list[Violation] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    """Policies that asked for what a preview does not know yet, and for what."""


def run(registrations: Mapping[str, Registration], policies: Sequence[Policy] = POLICIES) -> Findings:
    """What the policies say of a program's registrations, by URN."""
    findings = Findings()
    providers = _providers(registrations)
    resources = _resources(registrations, providers)
    for policy in policies:
        if isinstance(policy, ResourceValidationPolicy):
            for one in registrations.values():
                if not one.external:  # The engine checks no resource that a program only reads.
                    _validate(policy, _args(one, providers), one.urn, findings)
        elif isinstance(policy, StackValidationPolicy):
            _validate(policy, StackValidationArgs(resources), "", findings)
    return findings


def _validate(
    policy: ResourceValidationPolicy | StackValidationPolicy, args: Any, urn: str, findings: Findings
) -> None:
    severity = policy.severity.value if policy.severity else ""

    def report(message: str, of: str | None = None) -> None:
        findings.violations.append(
            Violation(policy=policy.name, severity=severity, message=message, urn=of or urn)
        )

    try:
        policy.validate(args, report)
    except UnknownValueError as error:
        findings.undecided.append(f"{policy.name}: {error.message}")


def _providers(registrations: Mapping[str, Registration]) -> dict[str, PolicyProviderResource]:
    return {
        one.urn: PolicyProviderResource(one.type, _props(one.inputs), one.urn, one.name)
        for one in registrations.values()
        if one.type.startswith(PROVIDER)
    }


def _args(one: Registration, providers: Mapping[str, PolicyProviderResource]) -> ResourceValidationArgs:
    provider = providers.get(_provider_urn(one))
    return ResourceValidationArgs(one.type, _props(one.inputs), one.urn, one.name, _options(one), provider)


def _provider_urn(one: Registration) -> str:
    return one.provider.rpartition("::")[0]


def _resources(
    registrations: Mapping[str, Registration], providers: Mapping[str, PolicyProviderResource]
) -> list[PolicyResource]:
    found = {
        one.urn: PolicyResource(
            one.type,
            _props(one.inputs | one.outputs if one.custom else one.outputs),
            one.urn,
            one.name,
            _options(one),
            providers.get(_provider_urn(one)),
            parent=None,
            dependencies=[],
            property_dependencies={},
        )
        for one in registrations.values()
    }
    for one in registrations.values():
        resource = found[one.urn]
        resource.parent = found.get(one.parent)
        resource.dependencies = [found[urn] for urn in sorted(one.dependencies) if urn in found]
        resource.property_dependencies = {
            key: [found[urn] for urn in urns if urn in found]
            for key, urns in one.property_dependencies.items()
        }
    return list(found.values())


def _options(one: Registration) -> PolicyResourceOptions:
    return PolicyResourceOptions(
        protect=one.protect,
        ignore_changes=list(one.ignore_changes),
        delete_before_replace=one.delete_before_replace or None,
        aliases=list(one.aliases),
        custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
        additional_secret_outputs=[],
        parent=one.parent or None,
    )


def _props(values: Mapping[str, Any]) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], unknown_checking_proxy(_plain(values)))


def _plain(value: Any) -> Any:
    """As the engine gives values to policies: secrets opened, unknown values as a sign, numbers as floats.

    Keys that begin with `__` are the SDK's own: the engine leaves them out.
    """
    if value is COMPUTED:
        return UNKNOWN_STRING_VALUE
    if isinstance(value, Secret):
        return _plain(value.value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if not key.startswith("__")}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return float(value) if type(value) is int else value
