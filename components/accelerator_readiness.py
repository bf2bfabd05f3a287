"""Waits for AWS Global Accelerator: an endpoint is added when its load balancer is active, and a name leads
to an accelerator when its endpoints answer.

"A resource must be valid and active when you add it as an endpoint", and gets clients "as soon as […] the
endpoint passes the initial health checks" (developer guide, "Add a standard endpoint"). Nobody else waits: an
Ingress names a load balancer that is still provisioned, and the AWS provider waits until the accelerator is
deployed (terraform-provider-aws, internal/service/globalaccelerator/endpoint_group.go).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import ResourceHookArgs, ResourceHookBinding

from components import provisioning
from plan.accelerators import API_REGION, HEALTHY, INITIAL, may_lead
from settings import Settings
from settings.aws_provider import AwsProvider

PROVISIONING = "provisioning"
"""State of a load balancer (Elastic Load Balancing API reference, "LoadBalancerState")."""

Clients = Callable[[str, str], Any]
"""A boto3 client of a service in a region."""


class Readiness:
    """The hooks of endpoint groups and of records that lead to accelerators.

    The stack `local` has none: without nodes no load balancer is healthy there.
    """

    def __init__(self, settings: Settings, stack: str, record: ResourceHookBinding) -> None:
        """`record`: hooks of every record that leads to a load balancer."""
        self._stack, self._record = stack, record
        self._clients = clients_of(settings.aws)

        async def is_active(args: ResourceHookArgs) -> None:
            await endpoint_is_active(self._clients, args)

        self.group = provisioning.before(stack, "load-balancer-is-active", is_active)

    def record(
        self, label: str, groups: Sequence[aws.globalaccelerator.EndpointGroup]
    ) -> ResourceHookBinding:
        """Of the record that leads to the accelerator with these endpoint groups."""

        async def answer(args: ResourceHookArgs) -> None:
            # A deployment that excludes a region (`--exclude`) creates no group there.
            arns = [arn for group in groups if (arn := await group.arn.future())]
            await endpoints_answer(self._clients, arns, args)

        return ResourceHookBinding.merge(
            self._record, provisioning.before(self._stack, f"{label}-answers", answer)
        )


def clients_of(signer: AwsProvider) -> Clients:
    """With the credentials of the AWS provider."""

    @cache
    def client(service: str, region: str) -> Any:
        from botocore.config import Config  # Few runs need it.

        from clients.aws_session import aws_session

        session = aws_session(signer.profile, signer.role_arn, signer.session_name)
        config = Config(retries={"mode": "standard", "max_attempts": 10}, connect_timeout=10)
        return session.client(service, region_name=region, config=config)

    return client


async def endpoint_is_active(clients: Clients, args: ResourceHookArgs) -> None:
    """Wait until the load balancers of an endpoint group are active. Raises BotoCoreError and ClientError."""
    for endpoint in (args.new_inputs or {})["endpointConfigurations"]:
        arn = endpoint["endpointId"]
        client = clients("elbv2", arn.split(":")[3])

        async def problem(arn: str = arn, client: Any = client) -> str:
            found = await asyncio.to_thread(client.describe_load_balancers, LoadBalancerArns=[arn])
            state = found["LoadBalancers"][0]["State"]["Code"]
            return f"the load balancer {arn} is {state}" if state == PROVISIONING else ""

        if left := await provisioning.end_of(problem, args.name):
            pulumi.log.warn(
                f"{args.name}: {left} after {provisioning.LIMIT_SECONDS:.0f} s. It is added to the"
                " accelerator nevertheless. Check the load balancer in the EC2 console."
            )


async def endpoints_answer(clients: Clients, groups: Sequence[str], args: ResourceHookArgs) -> None:
    """Wait until names may lead to an accelerator with these endpoint groups (ARNs).

    Raises TimeoutError if no endpoint is healthy in the end, BotoCoreError and ClientError.
    """
    client, begun = clients("globalaccelerator", API_REGION), provisioning.now()
    states = dict[str, str]()

    async def problem() -> str:
        states.update(await _states(client, groups))
        waited = provisioning.now() - begun
        return "" if may_lead(states.values(), waited) else f"endpoints are not healthy: {_shown(states)}"

    await provisioning.end_of(problem, args.name)
    waited = f"after {provisioning.now() - begun:.0f} s"
    advice = (
        "Check that each region answers /healthz/<region> with 200, and the target groups of its Network Load"
        " Balancer in the EC2 console."
    )
    if HEALTHY not in states.values():
        raise TimeoutError(
            f"no endpoint is healthy {waited}: {_shown(states)}. No name has been moved to the accelerator."
            f" {advice} Then deploy again."
        )
    if unhealthy := {region: state for region, state in states.items() if state != HEALTHY}:
        pulumi.log.warn(
            f"{args.name}: {_shown(unhealthy)} {waited}. Names lead to the accelerator nevertheless, which"
            f" sends clients to the other regions. {advice}"
        )


async def _states(client: Any, groups: Sequence[str]) -> dict[str, str]:
    """The state of each region's endpoint."""
    found = await asyncio.gather(
        *(asyncio.to_thread(client.describe_endpoint_group, EndpointGroupArn=arn) for arn in groups)
    )
    return {
        each["EndpointGroup"]["EndpointGroupRegion"]: endpoint.get("HealthState", INITIAL)
        for each in found
        for endpoint in each["EndpointGroup"]["EndpointDescriptions"]
    }


def _shown(states: Mapping[str, str]) -> str:
    return ", ".join(f"{region} {state}" for region, state in states.items())
