"""What the controller answers: health and views on the port that the edges reach, all else on another."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from runtime.controller import views
from runtime.controller.actions import Actions
from runtime.controller.lease import Lease
from runtime.controller.reopening import regions_of
from runtime.controller.rounds import LiveConfig, Observed, Rounds
from runtime.controller.status import StatusReport
from runtime.controller.votes import REGION_WIDE
from runtime.http_server import Request, Response
from runtime.metrics import CONTENT_TYPE, Metrics

JSON = "application/json"
STUCK_ROUNDS = 12
"""A controller that ended no round for so long is restarted by its liveness probe."""
NOT_FOUND = Response(HTTPStatus.NOT_FOUND, "there is no such page here\n")


@dataclass(frozen=True, kw_only=True)
class Pages:
    """Reads what the rounds left; asks nobody."""

    rounds: Rounds
    actions: Actions
    lease: Lease
    config: LiveConfig
    metrics: Metrics
    started: float
    """By the monotonic clock."""

    def edge(self, request: Request) -> Response:
        """`/healthz/<region>`, `/healthz/<region>/<namespace>`, `/peer/<region>`: all that edges route to."""
        seen = self.rounds.observed
        match request.target.partition("?")[0].split("/"):
            case ["", "healthz", region]:
                return self._health(region, None)
            case ["", "healthz", region, namespace]:
                return self._health(region, namespace)
            case ["", "peer", region] if seen is None or region in seen.config.regions:
                if seen is None:
                    return Response(HTTPStatus.SERVICE_UNAVAILABLE, "no round has ended yet\n")
                return Response(HTTPStatus.OK, _page(seen, region, request.authorization), JSON)
        return NOT_FOUND

    def inside(self, target: str) -> Response:
        """For the kubelet and for monitoring: `/live`, `/ready`, `/metrics`, `/status`."""
        pages: dict[str, Callable[[], Response]] = {
            "/live": self._live,
            "/ready": self._ready,
            "/metrics": self._metrics,
            "/status": self._status,
        }
        page = pages.get(target.partition("?")[0])
        return page() if page else NOT_FOUND

    def _health(self, region: str, namespace: str | None) -> Response:
        config = self.config.current
        if config is None:
            return Response(HTTPStatus.SERVICE_UNAVAILABLE, "no settings yet\n")
        scope = REGION_WIDE
        if namespace is not None:
            company = config.companies.get(namespace)
            # An unknown company gets the region's answer: nobody learns here which companies there are.
            scope = namespace if company and company.dedicated else REGION_WIDE
        if region not in config.regions:
            return NOT_FOUND
        seen = self.rounds.observed
        if region in self._unhealthy(scope, seen):
            return Response(HTTPStatus.SERVICE_UNAVAILABLE, f"{region} has failed\n")
        if seen and region in regions_of(seen.closed, scope):
            return Response(HTTPStatus.SERVICE_UNAVAILABLE, f"{region} returns, and is not ready yet\n")
        return Response(HTTPStatus.OK, f"{region} serves\n")

    def _unhealthy(self, scope: str, seen: Observed | None) -> frozenset[str]:
        flagged = self.actions.system.current.flags.get(scope, frozenset())
        return flagged | seen.decision.unhealthy.get(scope, frozenset()) if seen else flagged

    def _live(self) -> Response:
        seen = self.rounds.observed
        interval = seen.config.interval_seconds if seen else 5.0
        last = seen.ended if seen else self.started
        if time.monotonic() - last > STUCK_ROUNDS * max(interval, 5.0):
            return Response(HTTPStatus.SERVICE_UNAVAILABLE, "the rounds stand still\n")
        return Response(HTTPStatus.OK, "alive\n")

    def _ready(self) -> Response:
        seen = self.rounds.observed
        if seen is None:
            return Response(HTTPStatus.SERVICE_UNAVAILABLE, f"no round has ended yet {self.config.problem}\n")
        if seen.findings.unknown.issuperset(seen.config.regions):
            # Until then the older replica, whose address the companies' network policies know, goes on.
            return Response(HTTPStatus.SERVICE_UNAVAILABLE, "no company has answered yet\n")
        return Response(HTTPStatus.OK, "ready\n")

    def _metrics(self) -> Response:
        return Response(HTTPStatus.OK, self._report.gauges().text() + self.metrics.text(), CONTENT_TYPE)

    def _status(self) -> Response:
        return Response(HTTPStatus.OK, json.dumps(self._report.status(), indent=1) + "\n", JSON)

    @property
    def _report(self) -> StatusReport:
        return StatusReport(
            observed=self.rounds.observed,
            actions=self.actions,
            lease=self.lease,
            config_problem=self.config.problem,
        )


def _page(seen: Observed, region: str, authorization: str) -> str:
    """All of the page for the stack's own controllers, and what is public for everybody else."""
    token, (scheme, _, sent) = seen.config.token(region), authorization.partition(" ")
    if token and scheme == views.SCHEME and hmac.compare_digest(sent.encode(), token.encode()):
        return views.dump(seen.page)
    return views.dump_public(seen.page, region, seen.config.alias)
