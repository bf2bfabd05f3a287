"""Health checks as Route53 runs and counts them, and the records that they decide over.

The rules (developer guide, "How Amazon Route 53 determines whether a health check is healthy"): checkers all
over the world ask the endpoint at the check's interval, not in step with each other. Each has four seconds to
connect and two more for a status of 200 to 399, and changes its mind after `FailureThreshold` answers in a
row. The endpoint is healthy while more than 18 % of the checkers say so; a new check counts as healthy.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.aws import Reach, calling
from ops.drill.asking import Question, Reply

CHECKERS = 16
"""About as many as Route53 has."""
QUORUM = 0.18
CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 2.0
ROUTE53 = "us-east-1"
"""Where Route53's API is."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A health check as it was created."""

    id: str
    name: str
    """Of the load balancer that is asked."""
    path: str
    interval: int
    threshold: int

    @property
    def question(self) -> Question:
        return Question(
            host=self.name, path=self.path, connect=CONNECT_SECONDS, answer=ANSWER_SECONDS, verify=False
        )


class Opinion:
    """One checker's of one check."""

    def __init__(self, threshold: int) -> None:
        self._threshold, self._contrary, self.healthy = threshold, 0, True

    def take(self, passed: bool) -> None:
        self._contrary = self._contrary + 1 if passed is not self.healthy else 0
        if self._contrary >= self._threshold:
            self.healthy, self._contrary = passed, 0


def is_healthy(opinions: Sequence[bool]) -> bool:
    return not opinions or sum(opinions) > QUORUM * len(opinions)


class Checkers:
    """Asks for every check as Route53 does. Any thread may read what they think."""

    def __init__(self, checks: Iterable[Check], asks: Callable[[Check], Reply], seed: int) -> None:
        self._checks = {check.id: check for check in checks}
        self._asks = asks
        self._opinions = {
            id: [Opinion(check.threshold) for _ in range(CHECKERS)] for id, check in self._checks.items()
        }
        phases = random.Random(seed)
        self._next = {
            (id, number): phases.random() * check.interval
            for id, check in self._checks.items()
            for number in range(CHECKERS)
        }
        self._lock = threading.Lock()

    def due(self, now: float) -> list[tuple[str, int]]:
        """Who asks now, by the drill's clock: checks and checkers. What was missed is not made up for."""
        found = []
        for (id, number), at in self._next.items():
            if at <= now:
                every = self._checks[id].interval
                self._next[id, number] = at + every * ((now - at) // every + 1)
                found.append((id, number))
        return found

    def run(self, id: str, number: int) -> None:
        """Let one checker ask, and take what comes."""
        passed = self._asks(self._checks[id]).passes
        with self._lock:
            self._opinions[id][number].take(passed)

    def healthy(self, id: str) -> bool:
        with self._lock:
            return is_healthy([one.healthy for one in self._opinions.get(id, ())])

    def told_of(self, asked: Collection[tuple[str, str]]) -> list[str]:
        """What the checkers think of the health paths, of load balancers' names and paths, for people."""
        return [self._told(id) for id, one in self._checks.items() if (one.name, one.path) in asked]

    def _told(self, id: str) -> str:
        check = self._checks[id]
        with self._lock:
            well = sum(one.healthy for one in self._opinions[id])
        return (
            f"{well} of {CHECKERS} checkers take {check.name}{check.path} for healthy (asked every"
            f" {check.interval} s, {check.threshold} in a row; up to {QUORUM:.0%} count as none)"
        )


def read_records(reach: Reach, zone: str) -> list[Mapping[str, Any]]:
    """All records of a hosted zone, as Route53 gives them. Raises OperatorError."""
    client = reach.client("route53", ROUTE53)
    with calling(f"reading the records of the hosted zone {zone}"):
        pages = client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone)
        return [record for page in pages for record in page["ResourceRecordSets"]]


def read_checks(reach: Reach, ids: Iterable[str]) -> list[Check]:
    """Raises OperatorError."""
    client, wanted = reach.client("route53", ROUTE53), set(ids)
    with calling("reading the health checks"):
        pages = client.get_paginator("list_health_checks").paginate()
        found = [one for page in pages for one in page["HealthChecks"] if one["Id"] in wanted]
    return [_check(one["Id"], one["HealthCheckConfig"]) for one in found]


class Status:
    """What Route53's own checkers say."""

    def __init__(self, reach: Reach) -> None:
        self._client = reach.client("route53", ROUTE53)

    def healthy(self, id: str) -> bool:
        """Raises OperatorError."""
        with calling(f"reading the status of the health check {id}"):
            seen = self._client.get_health_check_status(HealthCheckId=id)["HealthCheckObservations"]
        return is_healthy([one["StatusReport"]["Status"].startswith("Success") for one in seen])


def _check(id: str, told: Mapping[str, Any]) -> Check:
    return Check(
        id=id,
        name=told.get("FullyQualifiedDomainName") or told.get("IPAddress", ""),
        path=told.get("ResourcePath") or "/",
        interval=told["RequestInterval"],
        threshold=told["FailureThreshold"],
    )
