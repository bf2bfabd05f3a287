"""Waits for AWS, where a call returns before its effect is there: a new load balancer resolves after minutes,
a new Pod Identity association is known after seconds, and clients know an accelerator's addresses for minutes
after a name has left it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding

from plan.accelerators import ACCELERATORS
from plan.external_dns import is_aws_alias_target
from plan.names import LOCAL
from plan.records import KEPT_ANSWER_SECONDS, LEAF_TTL

LIMIT_SECONDS = 600.0
"""An ALB needs two to four minutes."""
POLL_SECONDS = 5.0
ASSOCIATION_SECONDS = 10.0
"""EKS names no limit ("several seconds", EKS user guide, "EKS Pod Identity considerations"), and nothing
shows the effect. A pod that starts earlier all the same is replaced (`runtime/gate/restore/credentials.py`).
"""


DRAIN_SECONDS = float(LEAF_TTL + KEPT_ANSWER_SECONDS)
"""The TTL of the record that leads to an accelerator, and the time for which some keep its addresses."""


class Provisioning:
    """The hooks of records that lead to load balancers, companies' names, and Pod Identity associations.

    A resolver that asks for a name too early caches that it does not exist; a pod that is admitted too early
    never gets credentials. The stack `local` needs no hooks: no DNS has the names of the emulator's load
    balancers, and its pods have keys.
    """

    def __init__(self, stack: str) -> None:
        hooks = [] if stack == LOCAL else [ResourceHook("load-balancer-resolves", _resolves)]
        self.record = ResourceHookBinding(before_create=[*hooks], before_update=[*hooks])
        known = [] if stack == LOCAL else [ResourceHook("association-is-known", _is_known)]
        self.identity = ResourceHookBinding(after_create=[*known], after_update=[*known])
        moved = [] if stack == LOCAL else [ResourceHook("name-is-moved", self._is_moved)]
        self.name = ResourceHookBinding(after_update=[*moved])
        self._left_accelerators = False

    def drain(self, names: Sequence[pulumi.Resource]) -> None:
        """Let the program end, after which old resources are deleted, only when no client is left on an
        accelerator that a name of this deployment has left.
        """
        known: pulumi.Output[list[str]] = pulumi.Output.all(*(name.urn for name in names))
        _: pulumi.Output[bool] = known.apply(self._drained)

    def _is_moved(self, args: ResourceHookArgs) -> None:
        old, new = (_alias(inputs) for inputs in (args.old_inputs, args.new_inputs))
        if ACCELERATORS in old and old != new:
            self._left_accelerators = True

    async def _drained(self, _: list[str]) -> bool:
        if self._left_accelerators:
            pulumi.log.info(f"waiting {DRAIN_SECONDS:.0f} s: clients still know the accelerators' addresses")
            await asyncio.sleep(DRAIN_SECONDS)
        return self._left_accelerators


def _alias(inputs: Mapping[str, Any] | None) -> str:
    aliases = (inputs or {}).get("aliases") or [{}]
    return str(aliases[0].get("name") or "")


async def _resolves(args: ResourceHookArgs) -> None:
    [address] = (args.new_inputs or {})["records"]
    if not is_aws_alias_target(address):
        return
    loop = asyncio.get_running_loop()
    deadline = loop.time() + LIMIT_SECONDS
    while True:
        try:
            await loop.getaddrinfo(address, 443)
            return
        except socket.gaierror as error:
            problem = error
        if loop.time() >= deadline:
            pulumi.log.warn(
                f"{args.name}: {address} does not resolve here after {LIMIT_SECONDS:.0f} s ({problem})."
                " The record is created nevertheless. Check the load balancer's state in the EC2 console."
            )
            return
        await asyncio.sleep(POLL_SECONDS)


async def _is_known(_: ResourceHookArgs) -> None:
    await asyncio.sleep(ASSOCIATION_SECONDS)
