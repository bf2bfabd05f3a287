"""A company's memory in one region: the volume of its Brain or Agent, whose gate uploads checkpoints."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ops.errors import WRONG_CALL, OperatorError
from ops.stack import Stack
from plan.handover import HandoverPlan, agent_handover, brain_handover
from runtime.gate.storage.keys import prefix_of
from settings import Company
from settings.routes import company_route, region_routes

BRAIN, AGENT = "brain", "agent"


@dataclass(frozen=True, kw_only=True)
class Memory:
    company: str
    namespace: str
    component: str
    region: str
    """The region whose gate carries out requests."""
    reason: str
    """Why this region, in words; empty where the command named the region or there is no other."""
    bucket: str
    writers: tuple[str, ...]
    """Regions whose checkpoints this memory may restore, by priority, its own region among them."""

    @property
    def prefix(self) -> str:
        return self.prefix_of(self.region)

    def prefix_of(self, writer: str) -> str:
        return prefix_of(writer, self.namespace, self.component)

    @property
    def name(self) -> str:
        return f"the {self.component} of {self.company} in {self.region}"


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--company", required=True, help="its name")
    command.add_argument("--region", help="default: the region with the memory, if there is only one")
    command.add_argument("--component", choices=[BRAIN, AGENT], default=BRAIN, help="default: brain")


def memory_of(stack: Stack, arguments: argparse.Namespace, *, restored: bool) -> Memory:
    """The memory that a command means. `restored`: it must take restore requests. Raises OperatorError."""
    stack.require_replication()
    company = stack.company(arguments.company)
    plans = plans_of(stack, company, arguments.component)
    region, reason = _region(stack, company, plans, arguments, restored=restored)
    return memory_in(stack, company, arguments.component, region, reason)


def memory_in(stack: Stack, company: Company, component: str, region: str, reason: str = "") -> Memory:
    plan = plans_of(stack, company, component)[region]
    return Memory(
        company=company.name,
        namespace=company.namespace,
        component=component,
        region=region,
        reason=reason,
        bucket=stack.bucket(region),
        writers=plan.priority if plan.ranked else (region,),
    )


def plans_of(stack: Stack, company: Company, component: str) -> dict[str, HandoverPlan]:
    """The configuration of the gates in each region of the company, by priority."""
    policy = stack.settings.load_balancing.policy
    route, routes = company_route(stack.settings, company), region_routes(stack.settings)
    agent = agent_handover(policy, route, routes)
    return {
        region: agent if component == AGENT else brain_handover(policy, route, routes, region)
        for region in agent.priority
    }


def _region(
    stack: Stack,
    company: Company,
    plans: Mapping[str, HandoverPlan],
    arguments: argparse.Namespace,
    *,
    restored: bool,
) -> tuple[str, str]:
    """The region, and why it is this one."""
    follower = {region: plan.follows[0] for region, plan in plans.items() if plan.follows and not plan.ranked}
    holders = [region for region in plans if not (restored and region in follower)]
    if arguments.region:
        check_region(stack, company, arguments.region, plans)
        if arguments.region not in holders:
            raise OperatorError(
                f"--region: {arguments.region} is passive: it follows the memory of"
                f" {follower[arguments.region]}; must be one of {', '.join(holders)}",
                WRONG_CALL,
            )
        return arguments.region, ""
    if len(holders) == 1:
        return holders[0], ""
    if all(plan.ranked for plan in plans.values()):
        return holders[0], f"the first region of {company.name} by priority (no --region)"
    raise OperatorError(
        f"--region: missing (required): the {arguments.component} of {company.name} has a memory of its"
        f" own in each region; must be one of {', '.join(holders)}",
        WRONG_CALL,
    )


def check_region(stack: Stack, company: Company, region: str, own: Collection[str]) -> None:
    if region not in stack.regions:
        raise stack.wrong_region(region)
    if region not in own:
        there = ", ".join(own)
        raise OperatorError(f"--region: {company.name} is not in {region}; it is in: {there}", WRONG_CALL)
