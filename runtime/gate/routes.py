"""What the gate answers on its port."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from runtime.gate.copies import Copies
from runtime.gate.ready import Readiness
from runtime.gate.settings import Environment
from runtime.gate.steps import Condition, Steps
from runtime.gate.told import Told
from runtime.gate.worker import Worker
from runtime.http_server import Response
from runtime.metrics import CONTENT_TYPE, Metrics

JSON = "application/json"
_AFTER = re.compile(r"(?:^|&)after=(\d{1,18})(?:&|$)")


class Gate:
    """`/ready`, `/live`, `/health`, `/metrics`, `/events`."""

    def __init__(
        self,
        environment: Environment,
        told: Told,
        worker: Worker,
        copies: Copies,
        readiness: Readiness,
        mcp: Condition,
        steps: Steps,
        metrics: Metrics,
    ) -> None:
        self._environment = environment
        self._told = told
        self._worker = worker
        self._copies = copies
        self._readiness = readiness
        self._mcp = mcp
        self._steps = steps
        self._metrics = metrics
        self.begun = False
        """Whether all is in place for the application to start; it never depends on S3."""
        self._routes: dict[str, Callable[[str], Response]] = {
            "/ready": lambda query: self._readiness.answer(),
            "/live": lambda query: self._live(),
            "/health": lambda query: self._health(),
            "/metrics": lambda query: self._scrape(),
            "/events": self._events,
        }

    def answer(self, target: str) -> Response:
        path, _, query = target.partition("?")
        route = self._routes.get(path)
        return route(query) if route else Response(404, f"there is {', '.join(self._routes)}\n")

    def _live(self) -> Response:
        if not self._worker.alive:
            return Response(503, "the worker has ended\n")
        return Response(200, "alive\n") if self.begun else Response(503, "not begun\n")

    def _health(self) -> Response:
        settings = self._told.settings
        problems = [*self._told.problems, *([self._mcp.problem] if self._mcp.problem else [])]
        problems += self._worker.problems(settings)
        told = {
            "ok": not problems,
            "problems": problems,
            "region": settings.region,
            "role": self._told.role,
            "heard": sorted(self._worker.heard),
            "lagSeconds": round(self._copies.lag(), 1) if self._copying else None,
        }
        return Response(503 if problems else 200, json.dumps(told, indent=1) + "\n", JSON)

    def _scrape(self) -> Response:
        if self._copying:
            help = "Since the last pass that succeeded began."
            self._metrics.set("agency_copy_lag_seconds", self._copies.lag(), help)
        return Response(200, self._metrics.text(), CONTENT_TYPE)

    def _events(self, query: str) -> Response:
        found = _AFTER.search(query)
        return Response(200, json.dumps(self._steps.after(int(found[1]) if found else 0)) + "\n", JSON)

    @property
    def _copying(self) -> bool:
        return bool(self._told.settings.buckets) and self._environment.ordinal == 0
