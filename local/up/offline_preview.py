"""A preview without credentials, a cluster and the `pulumi` command: the resources of a stack."""

from __future__ import annotations

import runpy
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from engine.placeholders import Placeholders
from engine.program import run_program
from engine.recorder import Registration
from local.machine.files import Progress
from policy_pack import running
from policy_pack.pack import POLICIES

TOP = ("agency:cluster:Cluster", "agency:region:Region", "agency:tenant:Tenant")
"""Components with a line of their own."""
SHOWN = 6
"""Kinds of resources in a line."""


def preview(
    stack: str, config: Mapping[str, str], secret_keys: Collection[str], program: Path, progress: Progress
) -> int:
    """Show the resources that the program registers and the broken policies. 1: a policy is broken."""
    recorder = Placeholders()
    run_program(
        lambda: runpy.run_path(str(program), run_name="__main__"),
        monitor=recorder,
        stack=stack,
        config=config,
        secret_keys=secret_keys,
        dry_run=True,
    )
    for severity, text in dict.fromkeys((severity, text) for severity, text, _ in recorder.messages):
        progress(f"{severity}: {text}")
    resources = recorder.registrations
    for name, kinds in _components(resources).items():
        shown = [f"{count} {kind}" for kind, count in kinds.most_common(SHOWN)]
        rest = len(kinds) - len(shown)
        more = f" and {rest} more kinds" if rest > 0 else ""
        progress(f"{kinds.total():>6}  {name}: {', '.join(shown)}{more}")
    progress(f"{sum(each.custom for each in resources.values()):>6}  resources in stack {stack}")
    return _check_policies(resources, progress)


def _components(resources: Mapping[str, Registration]) -> dict[str, Counter[str]]:
    """Kinds of resources of each component in TOP."""
    counts: dict[str, Counter[str]] = {}
    for resource in resources.values():
        if resource.custom:
            component = _component(resource, resources)
            counts.setdefault(component, Counter())[resource.type.rpartition(":")[2]] += 1
    return counts


def _component(resource: Registration, resources: Mapping[str, Registration]) -> str:
    while resource.type not in TOP and resources[resource.parent].parent:
        resource = resources[resource.parent]
    return f"{resource.type.rpartition(':')[2]} {resource.name}"


def _check_policies(resources: Mapping[str, Registration], progress: Progress) -> int:
    findings = running.run(resources)
    for violation in findings.violations:
        progress(f"broken policy: {violation}")
    if findings.violations:
        return 1
    unknown = f"; {len(findings.undecided)} depend on values that only AWS has" if findings.undecided else ""
    progress(f"{len(POLICIES)} policies hold{unknown}")
    return 0
