"""The pack without the engine: checks the registrations of the recorder."""

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
    """The resource with the problem; "" is the whole stack."""

    def __str__(self) -> str:
        return f"{self.policy} ({self.severity}): {self.message}"


@dataclass(kw_only=True)
class Findings:
    violations: list[Violation] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    """Policies that read an unknown value, with the value's name."""


def run(registrations: Mapping[str, Registration], policies: Sequence[Policy] = POLICIES) -> Findings:
    """The findings of the policies about registrations by URN."""
    findings = Findings()
    providers = _providers(registrations)
    resources = _resources(registrations, providers)
    # The engine checks no resource that a program only reads.
    checked = [_args(entry, providers) for entry in registrations.values() if not entry.external]
    for policy in policies:
        if isinstance(policy, ResourceValidationPolicy):
            for args in checked:
                _validate(policy, args, args.urn, findings)
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
        entry.urn: PolicyProviderResource(entry.type, _props(entry.inputs), entry.urn, entry.name)
        for entry in registrations.values()
        if entry.type.startswith(PROVIDER)
    }


def _args(entry: Registration, providers: Mapping[str, PolicyProviderResource]) -> ResourceValidationArgs:
    provider = providers.get(_provider_urn(entry))
    return ResourceValidationArgs(
        entry.type, _props(entry.inputs), entry.urn, entry.name, _options(entry), provider
    )


def _provider_urn(entry: Registration) -> str:
    return entry.provider.rpartition("::")[0]


def _resources(
    registrations: Mapping[str, Registration], providers: Mapping[str, PolicyProviderResource]
) -> list[PolicyResource]:
    resources = {
        entry.urn: PolicyResource(
            entry.type,
            _props(entry.inputs | entry.outputs if entry.custom else entry.outputs),
            entry.urn,
            entry.name,
            _options(entry),
            providers.get(_provider_urn(entry)),
            parent=None,
            dependencies=[],
            property_dependencies={},
        )
        for entry in registrations.values()
    }
    for entry in registrations.values():
        resource = resources[entry.urn]
        resource.parent = resources.get(entry.parent)
        resource.dependencies = [resources[urn] for urn in sorted(entry.dependencies) if urn in resources]
        resource.property_dependencies = {
            key: [resources[urn] for urn in urns if urn in resources]
            for key, urns in entry.property_dependencies.items()
        }
    return list(resources.values())


def _options(entry: Registration) -> PolicyResourceOptions:
    return PolicyResourceOptions(
        protect=entry.protect,
        ignore_changes=list(entry.ignore_changes),
        delete_before_replace=entry.delete_before_replace or None,
        aliases=list(entry.aliases),
        custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
        additional_secret_outputs=[],
        parent=entry.parent or None,
    )


def _props(values: Mapping[str, Any]) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], unknown_checking_proxy(_plain(values)))


def _plain(value: Any) -> Any:
    """Values as the engine passes them: secrets decrypted, unknown values marked, numbers as floats.

    The engine leaves out keys that begin with `__`, which belong to the SDK.
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
