"""Waits for AWS, where a call returns before its effect is there: a new load balancer resolves after minutes,
a new Pod Identity association is known after seconds.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding

from components.drain import Moves
from plan.external_dns import is_aws_alias_target
from plan.names import LOCAL

LIMIT_SECONDS = 600.0
"""An ALB needs two to four minutes."""
POLL_SECONDS = 5.0
SAY_SECONDS = 60.0
now = time.monotonic
ASSOCIATION_SECONDS = 10.0
"""EKS names no limit ("several seconds", EKS user guide, "EKS Pod Identity considerations"), and nothing
shows the effect. A pod that starts earlier all the same is replaced (`runtime/gate/restore/credentials.py`).
"""


class Provisioning:
    """The hooks of records that lead to load balancers, companies' names, and Pod Identity associations.

    A resolver that asks for a name too early caches that it does not exist; a pod that is admitted too early
    never gets credentials. The stack `local` needs no hooks: no DNS has the names of the emulator's load
    balancers, and its pods have keys.
    """

    def __init__(self, stack: str) -> None:
        self.record = before(stack, "load-balancer-resolves", _resolves)
        known = [] if stack == LOCAL else [ResourceHook("association-is-known", _is_known)]
        self.identity = ResourceHookBinding(after_create=[*known], after_update=[*known])
        self.moves = Moves(stack)


def before(stack: str, name: str, hook: Callable[[ResourceHookArgs], Any]) -> ResourceHookBinding:
    """A hook before a resource is created or updated, but in the stack `local`."""
    hooks = [] if stack == LOCAL else [ResourceHook(name, hook)]
    return ResourceHookBinding(before_create=[*hooks], before_update=[*hooks])


async def _resolves(args: ResourceHookArgs) -> None:
    [address] = (args.new_inputs or {})["records"]
    if not is_aws_alias_target(address):
        return

    async def problem() -> str:
        try:
            await asyncio.get_running_loop().getaddrinfo(address, 443)
        except socket.gaierror as error:
            return f"{address} does not resolve here ({error})"
        return ""

    if left := await end_of(problem, args.name):
        pulumi.log.warn(
            f"{args.name}: {left} after {LIMIT_SECONDS:.0f} s. The record is created nevertheless. Check the"
            " load balancer's state in the EC2 console."
        )


async def end_of(problem: Callable[[], Awaitable[str]], name: str) -> str:
    """Wait until there is no problem, for LIMIT_SECONDS at most. Returns the problem that is left, else "".

    Says what `name` waits for whenever that changes, and every SAY_SECONDS.
    """
    begun, said, said_at = now(), "", 0.0
    while found := await problem():
        waited = now() - begun
        if waited >= LIMIT_SECONDS:
            return found
        if found != said or waited - said_at >= SAY_SECONDS:
            said, said_at = found, waited
            pulumi.log.info(f"{name}: {found} after {waited:.0f} s; waiting at most {LIMIT_SECONDS:.0f} s")
        await asyncio.sleep(POLL_SECONDS)
    return ""


async def _is_known(_: ResourceHookArgs) -> None:
    await asyncio.sleep(ASSOCIATION_SECONDS)
