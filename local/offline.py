"""A preview that needs no credentials, no cluster and no `pulumi` command: what a stack is made of."""

from __future__ import annotations

import runpy
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from engine.placeholders import Placeholders
from engine.program import run_program
from engine.recorder import Registration
from local.files import Progress
from policy_pack import running
from policy_pack.pack import POLICIES

TOP = ("agency:cluster:Cluster", "agency:region:Region", "agency:tenant:Tenant")
"""Components that get a line of their own."""
SHOWN = 6
"""Kinds in a line."""


def preview(
    stack: str, config: Mapping[str, str], secret_keys: Collection[str], program: Path, progress: Progress
) -> int:
    """Say which resources the program registers and whether the policies hold. 1: a policy is broken."""
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
    found = recorder.registrations
    for name, kinds in _components(found).items():
        shown = [f"{count} {kind}" for kind, count in kinds.most_common(SHOWN)]
        rest = len(kinds) - len(shown)
        more = f" and {rest} more kinds" if rest > 0 else ""
        progress(f"{kinds.total():>6}  {name}: {', '.join(shown)}{more}")
    progress(f"{_total(found.values()):>6}  resources in stack {stack}")
    return _judge(found, progress)


def _components(found: Mapping[str, Registration]) -> dict[str, Counter[str]]:
    """Kinds of resources below each component at the top."""
    counted: dict[str, Counter[str]] = {}
    for one in found.values():
        if one.custom:
            counted.setdefault(_owner(one, found), Counter())[one.type.rpartition(":")[2]] += 1
    return counted


def _owner(one: Registration, found: Mapping[str, Registration]) -> str:
    while one.type not in TOP and found[one.parent].parent:
        one = found[one.parent]
    kind = one.type.rpartition(":")[2]
    return f"{kind} {one.name}"


def _total(found: Iterable[Registration]) -> int:
    return sum(one.custom for one in found)


def _judge(found: Mapping[str, Registration], progress: Progress) -> int:
    findings = running.run(found)
    for violation in findings.violations:
        progress(f"broken policy: {violation}")
    if findings.violations:
        return 1
    unknown = (
        f"; {len(findings.undecided)} depend on values that only AWS gives" if findings.undecided else ""
    )
    progress(f"{len(POLICIES)} policies hold{unknown}")
    return 0
