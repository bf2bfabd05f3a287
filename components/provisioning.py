"""Waiting for a load balancer that AWS has only begun to make: minutes pass until its name resolves."""

from __future__ import annotations

import asyncio
import socket

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding

from plan.external_dns import is_aws_alias_target
from plan.names import LOCAL

LIMIT_SECONDS = 600.0
"""An ALB takes two to four minutes."""
POLL_SECONDS = 5.0


class Provisioning:
    """The hook of the records that lead to load balancers.

    Whoever asks for a name that does not resolve yet is told so, and remembers. In the stack `local` no DNS
    has the names of the emulator's load balancers.
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
                f"{args.name}: {address} does not resolve here after {LIMIT_SECONDS:.0f} s ({problem}); the"
                " record is made all the same. Look at the load balancer's state in the EC2 console."
            )
            return
        await asyncio.sleep(POLL_SECONDS)
