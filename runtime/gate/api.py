"""The HTTP API of the gate."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from runtime.gate.config import Environment
from runtime.gate.events import Condition, EventLog
from runtime.gate.live_config import LiveConfig
from runtime.gate.readiness import Readiness
from runtime.gate.snapshot.schedule import UploadSchedule
from runtime.gate.worker import Worker
from runtime.http_server import Response
from runtime.metrics import CONTENT_TYPE, Metrics

JSON = "application/json"
_AFTER = re.compile(r"(?:^|&)after=(\d{1,18})(?:&|$)")


class Api:
    """`/ready`, `/live`, `/health`, `/metrics`, `/events`."""

    def __init__(
        self,
        environment: Environment,
        live: LiveConfig,
        worker: Worker,
        schedule: UploadSchedule,
        readiness: Readiness,
        mcp: Condition,
        events: EventLog,
        metrics: Metrics,
    ) -> None:
        self._environment = environment
        self._live = live
        self._worker = worker
        self._schedule = schedule
        self._readiness = readiness
        self._mcp = mcp
        self._events = events
        self._metrics = metrics
        self.started = False
        """Whether the application may start; it never depends on S3."""
        self._routes: dict[str, Callable[[str], Response]] = {
            "/ready": lambda query: self._readiness.answer(),
            "/live": lambda query: self._get_live(),
            "/health": lambda query: self._get_health(),
            "/metrics": lambda query: self._get_metrics(),
            "/events": self._get_events,
        }

    def answer(self, target: str) -> Response:
        path, _, query = target.partition("?")
        route = self._routes.get(path)
        return route(query) if route else Response(404, f"must be one of {', '.join(self._routes)}\n")

    def _get_live(self) -> Response:
        if not self._worker.alive:
            return Response(503, "the worker has ended\n")
        return Response(200, "alive\n") if self.started else Response(503, "not started\n")

    def _get_health(self) -> Response:
        config = self._live.config
        problems = [*self._live.problems, *([self._mcp.problem] if self._mcp.problem else [])]
        problems += self._worker.problems(config)
        content = {
            "ok": not problems,
            "problems": problems,
            "region": config.region,
            "role": self._live.role,
            "heard": sorted(self._worker.acknowledged),
            "lagSeconds": round(self._schedule.lag(), 1) if self._uploads else None,
        }
        return Response(503 if problems else 200, json.dumps(content, indent=1) + "\n", JSON)

    def _get_metrics(self) -> Response:
        if self._uploads:
            help = "Seconds since the start of the last successful upload pass."
            self._metrics.set("agency_copy_lag_seconds", self._schedule.lag(), help)
        return Response(200, self._metrics.text(), CONTENT_TYPE)

    def _get_events(self, query: str) -> Response:
        match = _AFTER.search(query)
        return Response(200, json.dumps(self._events.after(int(match[1]) if match else 0)) + "\n", JSON)

    @property
    def _uploads(self) -> bool:
        return bool(self._live.config.buckets) and self._environment.ordinal == 0
