"""Clients of each company that ask the Agent's /health: one resolves the company's name anew each time, one
keeps a DNS answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ops.drill.observe.clock import Clock
from ops.drill.observe.http import Request, Response
from ops.drill.observe.record import Answer, Record
from ops.drill.scenario import Tenant
from plan.records import KEPT_ANSWER_SECONDS

EVERY_SECONDS = 0.25
KEEPING_EVERY_SECONDS = 1.0
ANSWER_SECONDS = 2.0
"""For a connection, and as much again for an answer."""

Send = Callable[[str, Request], Response]
"""To the load balancer with this name."""
Ask = Callable[[str, Request], tuple[Response, str]]
"""The same; also the region that answers, or would have to."""


def asking(send: Send, edges: Mapping[str, str]) -> Ask:
    """Clients of load balancers. `edges`: regions by the names of their load balancers."""
    return lambda target, request: (send(target, request), edges.get(target, target))


class Resolver(Protocol):
    def target(self, tenant: Tenant) -> str:
        """The name of the load balancer or accelerator to which the company's name leads now; empty: none is
        known yet."""


@dataclass(kw_only=True)
class Clients:
    tenants: Sequence[Tenant]
    resolver: Resolver
    ask: Ask
    clock: Clock
    record: Record
    every: float = EVERY_SECONDS
    keep: bool = False
    """Whether they keep DNS answers."""

    def turn(self) -> None:
        for tenant in self.tenants:
            if target := self.resolver.target(tenant):
                self.clock.submit(lambda tenant=tenant, target=target: self._ask(tenant, target))  # type: ignore[misc]

    def _ask(self, tenant: Tenant, target: str) -> None:
        asked = self.clock.now()
        request = Request(host=tenant.host, path="/health", connect=ANSWER_SECONDS, answer=ANSWER_SECONDS)
        response, region = self.ask(target, request)
        answer = Answer(
            company=tenant.namespace,
            region=region,
            asked=asked,
            came=self.clock.now(),
            ok=response.ok,
            detail=response.detail,
            kept=self.keep,
        )
        self.record.add(answer)


class KeptAnswers:
    """A resolver that keeps each answer for KEPT_ANSWER_SECONDS, whatever the record's TTL says."""

    def __init__(self, resolver: Resolver, clock: Clock) -> None:
        self._resolver, self._clock = resolver, clock
        self._kept: dict[str, tuple[str, float]] = {}
        """Target, and until when, by namespace."""

    def target(self, tenant: Tenant) -> str:
        target, until = self._kept.get(tenant.namespace, ("", 0.0))
        now = self._clock.now()
        if now >= until:
            target = self._resolver.target(tenant)
            if target:
                self._kept[tenant.namespace] = target, now + KEPT_ANSWER_SECONDS
        return target
