"""The wait before what names have left is deleted: clients know an accelerator's addresses for minutes after
a name has left it.

The stack's state keeps when that was: a deployment that is interrupted leaves the rest of the wait to the
next. A hook `before_delete` would not do: `pulumi destroy` rejects a stack that has one, unless it runs the
program (pulumi, pkg/engine/destroy.go).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from time import time
from typing import Any

import pulumi
from pulumi import (
    ComponentResource,
    Output,
    ResourceHook,
    ResourceHookArgs,
    ResourceHookBinding,
    ResourceOptions,
)

from plan.accelerators import ACCELERATORS
from plan.names import LOCAL
from plan.records import KEPT_ANSWER_SECONDS, LEAF_TTL

DRAIN_SECONDS = float(LEAF_TTL + KEPT_ANSWER_SECONDS)
"""The TTL of the record that leads to an accelerator, and the time for which some keep its addresses."""


class Moves:
    """When a name last left an accelerator in this deployment: seconds since 1970; None: none has."""

    def __init__(self, stack: str) -> None:
        self.last: int | None = None
        hooks = [] if stack == LOCAL else [ResourceHook("name-is-moved", self.moved)]
        self.hooks = ResourceHookBinding(after_update=[*hooks])
        """Of the companies' names."""

    def moved(self, args: ResourceHookArgs) -> None:
        old, new = (_alias(inputs) for inputs in (args.old_inputs, args.new_inputs))
        if ACCELERATORS in old and old != new:
            self.last = int(time())


@dataclass(frozen=True, kw_only=True)
class DrainArgs:
    names: Mapping[str, pulumi.Resource]
    """DNS names by company."""
    accelerators: Mapping[str, str]
    """The accelerator's name to which each company's leads; with another manager there is none."""
    moves: Moves


class Drain(ComponentResource):
    """A stash of which accelerators names lead to, and when one last left its accelerator.

    After all names, it keeps the program from ending, and the engine from deleting, until no client is left.
    """

    TYPE = "agency:drain:Drain"

    def __init__(self, name: str, args: DrainArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        self._name, self._args = name, args
        known: Output[list[str]] = Output.all(*(each.urn for each in args.names.values()))
        stash: Output[Any] = known.apply(lambda _: self._remember())
        drained: Output[bool] = stash.apply(_drained)
        self.register_outputs({"drained": drained})

    def _remember(self) -> Output[Any]:
        """What the state then has. A deployment that moves no name leaves the moment as it is."""
        moved, names = self._args.moves.last, self._args.names.keys()

        async def remember(args: ResourceHookArgs) -> None:
            await unremembered(names, args)

        stash = pulumi.Stash(
            f"{self._name}-moves",
            input={"accelerators": dict(self._args.accelerators), "movedAt": moved or 0},
            opts=ResourceOptions(
                parent=self,
                ignore_changes=[] if moved else ["input.movedAt"],
                hooks=ResourceHookBinding(before_update=[ResourceHook("moves-are-remembered", remember)]),
            ),
        )
        return stash.input


async def unremembered(names: Collection[str], args: ResourceHookArgs) -> None:
    """Before the stash is updated: wait for names that moved in a deployment which ended before its stash."""
    old, new = ((inputs or {})["input"] for inputs in (args.old_inputs, args.new_inputs))
    left = [
        company
        for company, accelerator in old["accelerators"].items()
        if company in names and new["accelerators"].get(company) != accelerator
    ]
    if left and new["movedAt"] == old["movedAt"]:
        await _wait(DRAIN_SECONDS)


async def _drained(stash: Any) -> bool:
    if not pulumi.runtime.is_dry_run():
        await _wait(min(stash["movedAt"] + DRAIN_SECONDS - time(), DRAIN_SECONDS))
    return True


async def _wait(seconds: float) -> None:
    if seconds > 0:
        pulumi.log.info(f"waiting {seconds:.0f} s: clients still know the accelerators' addresses")
        await asyncio.sleep(seconds)


def _alias(inputs: Mapping[str, Any] | None) -> str:
    aliases = (inputs or {}).get("aliases") or [{}]
    return str(aliases[0].get("name") or "")
