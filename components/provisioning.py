"""Waits until a new load balancer of AWS resolves, which takes minutes."""

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


class Provisioning:
    """The hook of the records that lead to load balancers.

    A resolver that asks for a name too early caches that it does not exist. The stack `local` needs no hook:
    no DNS has the names of the emulator's load balancers.
    """

    def __init__(self, stack: str) -> None:
        hooks = [] if stack == LOCAL else [ResourceHook("load-balancer-resolves", _resolves)]
        self.record = ResourceHookBinding(before_create=[*hooks], before_update=[*hooks])


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
