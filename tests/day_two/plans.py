"""What changes between two states of a stack: as the engine says it, or as the program registers it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from components import runtime_programs
from engine.recorder import Registration
from engine.values import changes
from local.pulumi.display import Display, Step
from tests.recording import CONFIG_MAP, Answers, Recording, record
from tests.strategies import Raw


@dataclass(frozen=True)
class Plan:
    """What happens to resources, in its order. Components are none."""

    steps: list[Step]

    @classmethod
    def of(cls, display: Display) -> Plan:
        return cls([step for step in display.steps if not step.type.startswith("agency:")])

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def where(self, *actions: str, kinds: tuple[str, ...] = ()) -> list[Step]:
        """Steps of these actions (none: any), on resources of these types (none: any)."""
        return [
            step
            for step in self
            if (not actions or action(step) in actions) and (not kinds or step.type in kinds)
        ]

    def names(self, *actions: str, kinds: tuple[str, ...] = ()) -> list[str]:
        return sorted(step.name for step in self.where(*actions, kinds=kinds))

    @property
    def actions(self) -> dict[str, str]:
        """What happens to each resource to which something happens, by name."""
        return {step.name: action(step) for step in self}

    @property
    def kinds(self) -> set[str]:
        """The types to which something happens."""
        return {step.type for step in self}

    @property
    def learned(self) -> list[str]:
        """Names of the live configs that change: gates and controllers learn of it, and no pod rolls."""
        return sorted(step.name for step in self if _is_live_config(step))

    @property
    def rest(self) -> Plan:
        """The plan without live configs."""
        return Plan([step for step in self if not _is_live_config(step)])

    def changed(self, name: str) -> dict[str, tuple[Any, Any]]:
        """What becomes different in a resource: path to old and new value."""
        [step] = [step for step in self if step.name == name]
        return {".".join(change.path): (change.old, change.new) for change in changes(step.old, step.new)}

    def __str__(self) -> str:
        return "\n".join(f"{step} {list(self.changed(step.name))}" for step in self)


def action(step: Step) -> str:
    """The engine's word, or `keep`: a resource leaves the stack, and its object stays."""
    return "keep" if step.kept else step.op


def _is_live_config(step: Step) -> bool:
    return step.type == CONFIG_MAP and step.op == "update" and "settings.json" in step.new.get("data", {})


def registered(before: Raw, after: Raw, *programs: str) -> Plan:
    """What the program registers otherwise. Only the engine knows whether an `update` replaces."""
    old = record(before)
    with others(programs):
        return compared(old, record(after, recorder=Answers() if programs else None))


def compared(old: Recording, new: Recording) -> Plan:
    before, after = _resources(old), _resources(new)
    created = [_step("create", after[urn], new=after[urn].inputs) for urn in after.keys() - before.keys()]
    updated = [
        _step("update", after[urn], old=before[urn].inputs, new=after[urn].inputs)
        for urn in after.keys() & before.keys()
        if before[urn].inputs != after[urn].inputs
    ]
    deleted = [
        replace(_step("delete", resource, old=resource.inputs), kept=resource.retain_on_delete)
        for urn, resource in before.items()
        if urn not in after
    ]
    return Plan([*created, *updated, *deleted])


def _resources(recording: Recording) -> dict[str, Registration]:
    return {resource.urn: resource for resource in recording if resource.custom}


def _step(op: str, resource: Registration, **inputs: Any) -> Step:
    return Step(op=op, urn=resource.urn, type=resource.type, **inputs)


def assert_same(before: Raw, after: Raw, stack: str = "dev") -> None:
    """Not one registration differs, in inputs or in options; nor do the stack's outputs.

    Dependencies may: the validation record depends on the certificate of the first region, and all of them
    ask for the same record.
    """
    old, new = record(before, stack=stack), record(after, stack=stack)
    assert str(compared(old, new)) == ""
    assert _independent(old) == _independent(new)
    assert json.dumps(old.outputs, sort_keys=True) == json.dumps(new.outputs, sort_keys=True)


def _independent(run: Recording) -> dict[str, Registration]:
    none: dict[str, Any] = {"dependencies": frozenset(), "property_dependencies": {}}
    return {urn: replace(resource, **none) for urn, resource in run.by_urn.items()}


@contextmanager
def others(programs: Sequence[str]) -> Iterator[None]:
    """Meanwhile each of these runtime programs (`gate`, `failover_controller`) has one line more."""
    with pytest.MonkeyPatch.context() as patch:
        for program in programs:
            packed = getattr(runtime_programs, program)()
            path = max(packed.files)
            other = replace(packed, files={**packed.files, path: f"{packed.files[path]}\n# more\n"})
            patch.setattr(runtime_programs, program, lambda other=other: other)
        yield
