"""One client of each company: it resolves the company's name anew each time and asks the Agent's /health."""

from __future__ import annotations

from collections.abc import Callable

from ops.drill.observe.clock import Clock
from ops.drill.observe.dns import Names
from ops.drill.observe.http import Request, Response
from ops.drill.observe.record import Answer, Record
from ops.drill.scenario import Scenario, Tenant

EVERY_SECONDS = 0.25
PATIENCE_SECONDS = 2.0
"""For a connection, and as much again for an answer."""

Send = Callable[[str, Request], Response]
"""To the load balancer with this name."""


class Clients:
    every = EVERY_SECONDS

    def __init__(self, scenario: Scenario, names: Names, send: Send, clock: Clock, record: Record) -> None:
        self._scenario, self._names, self._send = scenario, names, send
        self._clock, self._record = clock, record

    def turn(self) -> None:
        for tenant in self._scenario.tenants:
            if target := self._names.target(tenant):
                self._clock.submit(lambda tenant=tenant, target=target: self._ask(tenant, target))  # type: ignore[misc]

    def _ask(self, tenant: Tenant, target: str) -> None:
        asked = self._clock.now()
        request = Request(host=tenant.host, path="/health", connect=PATIENCE_SECONDS, answer=PATIENCE_SECONDS)
        response = self._send(target, request)
        answer = Answer(
            company=tenant.namespace,
            region=self._scenario.edges.get(target, target),
            asked=asked,
            came=self._clock.now(),
            ok=response.ok,
            detail=response.detail,
        )
        self._record.add(answer)
