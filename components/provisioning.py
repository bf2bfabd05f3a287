"""Waits for AWS, where a call returns before its effect is there: a new load balancer resolves after minutes,
a new Pod Identity association is known after seconds.
"""

from __future__ import annotations

import asyncio
import socket

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding

from plan.external_dns import is_aws_alias_target
from plan.names import LOCAL

LIMIT_SECONDS = 600.0
"""An ALB needs two to four minutes."""
POLL_SECONDS = 5.0
ASSOCIATION_SECONDS = 10.0
"""EKS names no limit ("several seconds", EKS user guide, "EKS Pod Identity considerations"), and nothing
shows the effect. A pod that starts earlier all the same is replaced (`runtime/gate/restore/credentials.py`).
"""


class Provisioning:
    """The hooks of records that lead to load balancers, and of Pod Identity associations.

    A resolver that asks for a name too early caches that it does not exist; a pod that is admitted too early
    never gets credentials. The stack `local` needs no hooks: no DNS has the names of the emulator's load
    balancers, and its pods have keys.
    """

    def __init__(self, stack: str) -> None:
        hooks = [] if stack == LOCAL else [ResourceHook("load-balancer-resolves", _resolves)]
        self.record = ResourceHookBinding(before_create=[*hooks], before_update=[*hooks])
        known = [] if stack == LOCAL else [ResourceHook("association-is-known", _is_known)]
        self.identity = ResourceHookBinding(after_create=[*known], after_update=[*known])


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
