"""Plans a change without any service: a stack deployed on paper, and what the engine would do to change it.

The program, the engine and its tables (what replaces a resource, what names it) are the real ones. Only the
calls are not made: whatever is put answers with placeholders.
"""

from __future__ import annotations

import copy
import json
import runpy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.placeholders import Placeholders
from engine.program import run_program
from engine.recorder import Registration
from engine.values import Change, Values
from local.embedded.deployment import Deployment, Step
from local.embedded.driver import Creation, Driver
from local.embedded.state import Entry, State
from local.files import LocalError
from tests.recording import AWS_REGION, PROGRAM, Function
from tests.strategies import Raw, config_of

NOWHERE = Path("/nonexistent/paper.json")


class Memory(State):
    """A state that lies in no file; what would have been written is checked for being writable."""

    def __init__(self, before: State | None = None) -> None:
        super().__init__(NOWHERE)
        if before:
            self.salt, self.resources = before.salt, json.loads(json.dumps(before.resources))

    def save(self) -> None:
        pass


class OnPaper(Driver):
    """Judges as the real driver does, and calls nobody."""

    def __init__(self, real: Driver, answer: Callable[[str, Values, str], tuple[str, Values]]) -> None:
        self._real, self._answer = real, answer

    def identity(self, kind: str, inputs: Values) -> str:
        return self._real.identity(kind, inputs)

    def replacing(self, kind: str, changed: list[Change]) -> list[Change]:
        return self._real.replacing(kind, changed)

    def put(self, kind: str, inputs: Values, old: Entry | None, creation: Creation) -> tuple[str, Values]:
        made, outputs = self._answer(kind, inputs, creation.token)
        return (old["id"] if old else self.identity(kind, inputs) or made), outputs


class Paper(Deployment):
    """A deployment of which nothing arrives anywhere. `functions` answer those of providers, by name."""

    def __init__(self, state: State, functions: Mapping[str, Function]) -> None:
        super().__init__(state, lambda line: None, None, None)
        self._functions = functions

    def invoke(self, token: str, args: Values, provider: str) -> Values:
        given = self._functions.get(token.rpartition(":")[2])
        return given(args) if given else super().invoke(token, args, provider)

    def _driver(self, entry: Entry) -> Driver:
        return OnPaper(super()._driver(entry), self._answer)

    def _answer(self, kind: str, inputs: Values, token: str) -> tuple[str, Values]:
        made = Registration(urn=token, type=kind, name=token, inputs=inputs, custom=True)
        return Placeholders.resolve(self, made)


@dataclass(frozen=True)
class Plan:
    """What the engine would do, in its order, and what it refuses to do."""

    steps: list[Step]
    refusals: list[str]
    registered: dict[str, Registration]
    """What the program registered, by name."""

    def __iter__(self) -> Iterator[Step]:
        """The steps that do something."""
        return (step for step in self.steps if step.action != "same")

    def where(self, *actions: str, kinds: tuple[str, ...] = ()) -> list[Step]:
        """Steps of these actions (none: any but `same`), of these types (none: any)."""
        return [
            step
            for step in self
            if (not actions or step.action in actions) and (not kinds or step.entry["type"] in kinds)
        ]

    def names(self, *actions: str, kinds: tuple[str, ...] = ()) -> list[str]:
        return sorted(step.entry["name"] for step in self.where(*actions, kinds=kinds))

    @property
    def actions(self) -> dict[str, str]:
        """What happens to each resource to which something happens, by name."""
        return {step.entry["name"]: step.action for step in self}

    @property
    def kinds(self) -> set[str]:
        """The types to which something happens."""
        return {step.entry["type"] for step in self}

    @property
    def learned(self) -> list[str]:
        """Names of the settings that running programs are told, and that become others: no pod rolls."""
        return sorted(step.entry["name"] for step in self if _is_told(step))

    @property
    def rest(self) -> Plan:
        """The plan without what is only told."""
        return Plan([step for step in self.steps if not _is_told(step)], self.refusals, self.registered)

    def changed(self, name: str) -> dict[str, tuple[Any, Any]]:
        """What becomes different in a resource: path to old and new value."""
        [step] = [one for one in self if one.entry["name"] == name]
        return {".".join(one.path): (one.old, one.new) for one in step.changed}

    def __str__(self) -> str:
        return "\n".join([*(str(step) for step in self), *(f"refused: {text}" for text in self.refusals)])


def _is_told(step: Step) -> bool:
    return step.action == "update" and "settings.json" in step.entry["inputs"].get("data", {})


def deployed(raw: Raw, stack: str = "dev") -> State:
    """The state after a stack was deployed to nothing; each stack is deployed only once."""
    return _deployed(json.dumps(raw, sort_keys=False), stack)


@lru_cache(maxsize=64)
def _deployed(raw: str, stack: str) -> State:
    state = Memory()
    _run(Paper(state, {}), json.loads(raw), stack, dry_run=False)
    return state


def plan(
    before: Raw | State, after: Raw, *, functions: Mapping[str, Function] | None = None, stack: str = "dev"
) -> Plan:
    """What a change would do to a stack that was deployed as `before`."""
    return _changed(before, after, functions or {}, stack, dry_run=True)


def deploy(before: Raw | State, after: Raw, *, stack: str = "dev") -> tuple[Plan, State]:
    """Make the change on paper: what was done, in which order, and the state after it."""
    state = Memory(before if isinstance(before, State) else deployed(before, stack))
    return _changed(state, after, {}, stack, dry_run=False), state


def refusal(before: Raw | State, after: Raw, stack: str = "dev") -> str:
    """What a deployment of the change says when it refuses it."""
    try:
        deploy(before, after, stack=stack)
    except LocalError as error:
        return str(error)
    raise AssertionError("nothing was refused")


def _changed(
    before: Raw | State, after: Raw, functions: Mapping[str, Function], stack: str, *, dry_run: bool
) -> Plan:
    state = before if isinstance(before, State) else deployed(before, stack)
    if dry_run:
        state = Memory(state)
    deployment = Paper(state, functions)
    _run(deployment, after, stack, dry_run=dry_run)
    registered = {one.name: one for one in deployment.registrations.values() if one.custom}
    return Plan(deployment.steps, deployment.refusals, registered)


def _run(deployment: Paper, raw: Raw, stack: str, *, dry_run: bool) -> None:
    try:
        run_program(
            lambda: runpy.run_path(str(PROGRAM), run_name="__main__"),
            monitor=deployment,
            stack=stack,
            config={"aws:region": AWS_REGION, **config_of(raw)},
            dry_run=dry_run,
        )
        deployment.finish()
    except Exception as error:
        raise deployment.failure or error from error


def edited(raw: Raw, edit: Callable[[Raw], object] | None = None, **settings: Any) -> Raw:
    """A copy of a stack with some settings of its own; `edit` changes the copy in place."""
    copied = copy.deepcopy(raw) | settings
    if edit:
        edit(copied)
    return copied
