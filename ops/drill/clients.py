"""What the world outside sees: Route53's checks, the answers that follow from them, and the clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ops.drill.asking import Place, Question, Reply
from ops.drill.record import UNKNOWN, Answer, Lane, Record, Seen
from ops.drill.route53 import Check, Checkers
from ops.drill.scene import Scene, Tenant, pick, regions_in
from ops.drill.watching import Stage
from plan.resolver import ResolveError, resolve

CHECKERS_SECONDS = 0.1
NAMES_SECONDS = 0.2
CLIENTS_SECONDS = 0.25
PATIENCE_SECONDS = 2.0
"""Of a client: for a connection, and as much again for an answer."""
HEALTH = "/health"

Ask = Callable[[Place, Question], Reply]
Places = Callable[[str], Place]
"""From a load balancer's name to where it listens."""


def asking_checks(ask: Ask, places: Places) -> Callable[[Check], Reply]:
    return lambda check: ask(places(check.name), check.question)


class Checking:
    """Lets the checkers ask when their time has come."""

    every = CHECKERS_SECONDS

    def __init__(self, checkers: Checkers, stage: Stage) -> None:
        self._checkers, self._stage = checkers, stage

    def turn(self) -> None:
        for id, number in self._checkers.due(self._stage.now()):
            self._stage.submit(lambda id=id, number=number: self._checkers.run(id, number))  # type: ignore[misc]


class Names:
    """The region that each company's name leads to now: an observer, and what clients ask."""

    lane = Lane.DNS

    def __init__(
        self,
        scene: Scene,
        records: Sequence[Mapping[str, Any]],
        healthy: Callable[[str], bool],
        every: float = NAMES_SECONDS,
    ) -> None:
        """`healthy` says it of a health check's id."""
        self._scene, self._healthy, self.every = scene, healthy, every
        self._records = {one.namespace: reachable(records, one.host) for one in scene.tenants}
        self._checks = {name: sorted(check_ids(found)) for name, found in self._records.items()}
        self._answers: dict[tuple[str, tuple[bool, ...]], Seen] = {}
        self._targets: dict[str, str] = {}

    def look(self) -> dict[str, Seen]:
        checks = {id: self._healthy(id) for ids in self._checks.values() for id in ids}
        return {tenant.namespace: self._seen(tenant, checks) for tenant in self._scene.tenants}

    def target(self, tenant: Tenant) -> str:
        """The load balancer's name that a client was told last; empty before the first look."""
        return self._targets.get(tenant.namespace, "")

    def _seen(self, tenant: Tenant, checks: Mapping[str, bool]) -> Seen:
        name = tenant.namespace
        key = name, tuple(checks[id] for id in self._checks[name])
        if key not in self._answers:
            self._answers[key] = self._resolved(tenant, checks)
        seen, known = self._answers[key], self._scene.edges
        targets = (one for one in seen.detail.split() if known.get(one, one) == seen.state)
        self._targets[name] = next(targets, "")
        return seen

    def _resolved(self, tenant: Tenant, checks: Mapping[str, bool]) -> Seen:
        try:
            answer = resolve(self._records[tenant.namespace], tenant.host, tenant.client, checks.__getitem__)
        except ResolveError as error:
            return Seen(state=UNKNOWN, detail=str(error))
        region = pick(regions_in(answer, self._scene.edges), self._scene.region)
        return Seen(state=region or UNKNOWN, detail=" ".join(sorted(answer)))


class Clients:
    """One of each company: resolves the name anew each time, and asks the Agent for its health."""

    every = CLIENTS_SECONDS

    def __init__(
        self, scene: Scene, names: Names, ask: Ask, places: Places, stage: Stage, record: Record
    ) -> None:
        self._scene, self._names, self._ask, self._places = scene, names, ask, places
        self._stage, self._record = stage, record

    def turn(self) -> None:
        for tenant in self._scene.tenants:
            if target := self._names.target(tenant):
                self._stage.submit(lambda tenant=tenant, target=target: self._try(tenant, target))  # type: ignore[misc]

    def _try(self, tenant: Tenant, target: str) -> None:
        asked = self._stage.now()
        question = Question(host=tenant.host, path=HEALTH, connect=PATIENCE_SECONDS, answer=PATIENCE_SECONDS)
        reply = self._ask(self._places(target), question)
        self._record.add(
            Answer(
                company=tenant.namespace,
                region=self._scene.edges.get(target, target),
                asked=asked,
                came=self._stage.now(),
                ok=reply.ok,
                detail=reply.detail,
            )
        )


def reachable(records: Iterable[Mapping[str, Any]], host: str) -> list[Mapping[str, Any]]:
    """The records that can have a say in what a name leads to: a zone may hold thousands of others."""
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        by_name.setdefault(_canonical(record["Name"]), []).append(record)
    found, names, seen = list[Mapping[str, Any]](), [_canonical(host)], set[str]()
    while names:
        if (name := names.pop()) not in seen:
            seen.add(name)
            found += by_name.get(name, ())
            aliases = (one["AliasTarget"]["DNSName"] for one in by_name.get(name, ()) if "AliasTarget" in one)
            names += map(_canonical, aliases)
    return found


def _canonical(name: str) -> str:
    return name.rstrip(".").lower()


def check_ids(records: Iterable[Mapping[str, Any]]) -> set[str]:
    return {record["HealthCheckId"] for record in records if record.get("HealthCheckId")}
