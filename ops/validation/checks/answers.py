"""The Brain and the health monitor answer."""

from __future__ import annotations

from clients import http_client
from clients.http_client import HttpError
from ops.probing.containers import BRAIN, HEALTH_MONITOR
from ops.validation.results import Verdict, passed
from ops.validation.run import Run
from ops.validation.target import Target


def check(run: Run, target: Target) -> Verdict:
    target.open()
    for container in (BRAIN, HEALTH_MONITOR):
        try:
            http_client.health(target.url(container))
        except HttpError as error:
            raise target.failure(container, f"the {container} of {target.name}: {error}") from error
    return passed("Brain and health monitor answer on /health")
