"""Route53's health checks, and the checkers that the local target needs in their place.

The rules (developer guide, "How Amazon Route 53 determines whether a health check is healthy"): checkers all
over the world ask the endpoint at the check's interval, not in step with each other. Each has four seconds to
connect and two more for a status of 200 to 399, and changes its result after `FailureThreshold` answers in a
row. The endpoint is healthy while more than 18 % of the checkers say so; a new check counts as healthy.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.aws import ROUTE53_REGION, AwsAccess, calling
from ops.drill.observe.clock import Clock
from ops.drill.observe.http import Request, Response

CHECKERS = 16
"""About as many as Route53 has."""
QUORUM = 0.18
CONNECT_SECONDS, ANSWER_SECONDS = 4.0, 2.0
"""The region of Route53's API."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A health check as it was created."""

    id: str
    name: str
    """Of the load balancer."""
    path: str
    interval: int
    threshold: int

    @property
    def request(self) -> Request:
        return Request(
            host=self.name, path=self.path, connect=CONNECT_SECONDS, answer=ANSWER_SECONDS, verify=False
        )


class Checker:
    """Whether one checker counts one check as healthy."""

    def __init__(self, threshold: int) -> None:
        self._threshold, self._contrary, self.healthy = threshold, 0, True

    def take(self, passed: bool) -> None:
        self._contrary = self._contrary + 1 if passed is not self.healthy else 0
        if self._contrary >= self._threshold:
            self.healthy, self._contrary = passed, 0


def is_healthy(results: Sequence[bool]) -> bool:
    return not results or sum(results) > QUORUM * len(results)


class Checkers:
    """Ask for every check as Route53 does. Any thread may read the results."""

    def __init__(self, checks: Iterable[Check], send: Callable[[str, Request], Response], seed: int) -> None:
        self._checks = {check.id: check for check in checks}
        self._send = send
        self._checkers = {
            id: [Checker(check.threshold) for _ in range(CHECKERS)] for id, check in self._checks.items()
        }
        phases = random.Random(seed)
        self._next = {
            (id, number): phases.random() * check.interval
            for id, check in self._checks.items()
            for number in range(CHECKERS)
        }
        self._lock = threading.Lock()

    def due(self, now: float) -> list[tuple[str, int]]:
        """The checks and checkers that ask now. A question that was missed is not asked later."""
        due = []
        for (id, number), at in self._next.items():
            if at <= now:
                interval = self._checks[id].interval
                self._next[id, number] = at + interval * ((now - at) // interval + 1)
                due.append((id, number))
        return due

    def run(self, id: str, number: int) -> None:
        """Let a checker ask."""
        check = self._checks[id]
        passed = self._send(check.name, check.request).passes
        with self._lock:
            self._checkers[id][number].take(passed)

    def healthy(self, id: str) -> bool:
        with self._lock:
            return is_healthy([checker.healthy for checker in self._checkers.get(id, ())])

    def describe(self, health: Collection[tuple[str, str]]) -> list[str]:
        """What the checkers say about these health paths (load balancer and path), a sentence each."""
        return [
            self._describe(id) for id, check in self._checks.items() if (check.name, check.path) in health
        ]

    def _describe(self, id: str) -> str:
        check = self._checks[id]
        with self._lock:
            count = sum(checker.healthy for checker in self._checkers[id])
        return (
            f"{count} of {CHECKERS} checkers count {check.name}{check.path} as healthy (every"
            f" {check.interval} s, {check.threshold} in a row; up to {QUORUM:.0%} of them do not count)"
        )


class Checking:
    """Lets the checkers ask when they are due."""

    every = 0.1

    def __init__(self, checkers: Checkers, clock: Clock) -> None:
        self._checkers, self._clock = checkers, clock

    def turn(self) -> None:
        for id, number in self._checkers.due(self._clock.now()):
            self._clock.submit(lambda id=id, number=number: self._checkers.run(id, number))  # type: ignore[misc]


def read_records(access: AwsAccess, zone: str) -> list[Mapping[str, Any]]:
    """All records of a hosted zone, as Route53 returns them. Raises OperatorError."""
    client = access.zone_client()
    with calling(f"reading the records of the hosted zone {zone}"):
        pages = client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone)
        return [record for page in pages for record in page["ResourceRecordSets"]]


def read_checks(access: AwsAccess, ids: Iterable[str]) -> list[Check]:
    """Raises OperatorError."""
    client, wanted = access.client("route53", ROUTE53_REGION), set(ids)
    with calling("reading the health checks"):
        pages = client.get_paginator("list_health_checks").paginate()
        checks = [check for page in pages for check in page["HealthChecks"] if check["Id"] in wanted]
    return [_check(check["Id"], check["HealthCheckConfig"]) for check in checks]


class Route53Checkers:
    """The results of Route53's own checkers."""

    def __init__(self, access: AwsAccess) -> None:
        self._client = access.client("route53", ROUTE53_REGION)

    def healthy(self, id: str) -> bool:
        """Raises OperatorError."""
        with calling(f"reading the status of the health check {id}"):
            observations = self._client.get_health_check_status(HealthCheckId=id)["HealthCheckObservations"]
        return is_healthy([each["StatusReport"]["Status"].startswith("Success") for each in observations])


def _check(id: str, config: Mapping[str, Any]) -> Check:
    return Check(
        id=id,
        name=config.get("FullyQualifiedDomainName") or config.get("IPAddress", ""),
        path=config.get("ResourcePath") or "/",
        interval=config["RequestInterval"],
        threshold=config["FailureThreshold"],
    )
