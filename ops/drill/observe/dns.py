"""Where a company's name leads, by Route53's records and the state of its health checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ops.drill.observe.record import UNKNOWN, Indicator, State
from ops.drill.planned import region_of
from ops.drill.scenario import Scenario, Tenant
from plan.record_sets import canonical
from plan.resolver import ResolveError, resolve

EVERY_SECONDS = 0.2
Record = Mapping[str, Any]
"""As Route53's API returns it."""


class Names:
    """Observes the region that each company's name resolves to."""

    indicator = Indicator.DNS

    def __init__(
        self,
        scenario: Scenario,
        records: Sequence[Record],
        is_healthy: Callable[[str], bool],
        every: float = EVERY_SECONDS,
    ) -> None:
        """`is_healthy`: of a health check's id."""
        self._scenario, self._is_healthy, self.every = scenario, is_healthy, every
        self._records = {tenant.namespace: reachable(records, tenant.host) for tenant in scenario.tenants}
        self._checks = {name: sorted(check_ids(records)) for name, records in self._records.items()}
        self._resolved: dict[tuple[str, tuple[bool, ...]], tuple[State, str]] = {}
        """By company and state of its checks."""
        self._targets: dict[str, str] = {}

    def observe(self) -> dict[str, State]:
        checks = {id: self._is_healthy(id) for ids in self._checks.values() for id in ids}
        return {tenant.namespace: self._observe(tenant, checks) for tenant in self._scenario.tenants}

    def target(self, tenant: Tenant) -> str:
        """The load balancer's name in the latest answer; empty before the first."""
        return self._targets.get(tenant.namespace, "")

    def _observe(self, tenant: Tenant, checks: Mapping[str, bool]) -> State:
        name = tenant.namespace
        key = name, tuple(checks[id] for id in self._checks[name])
        if key not in self._resolved:
            self._resolved[key] = self._resolve(tenant, checks)
        state, self._targets[name] = self._resolved[key]
        return state

    def _resolve(self, tenant: Tenant, checks: Mapping[str, bool]) -> tuple[State, str]:
        """The state, and the load balancer that a client is sent to."""
        try:
            answer = resolve(self._records[tenant.namespace], tenant.host, tenant.client, checks.__getitem__)
        except ResolveError as error:
            return State(state=UNKNOWN, detail=str(error)), ""
        edges, targets = self._scenario.edges, sorted(answer)
        region = region_of(answer, edges, self._scenario.region)
        target = next((each for each in targets if edges.get(each, each) == region), "")
        return State(state=region or UNKNOWN, detail=" ".join(targets)), target


def reachable(records: Iterable[Record], host: str) -> list[Record]:
    """The records that decide what a name leads to: a zone may have thousands of others."""
    by_name: dict[str, list[Record]] = {}
    for record in records:
        by_name.setdefault(canonical(record["Name"]), []).append(record)
    reached, names, visited = list[Record](), [canonical(host)], set[str]()
    while names:
        if (name := names.pop()) not in visited:
            visited.add(name)
            reached += by_name.get(name, ())
            aliases = (each["AliasTarget"] for each in by_name.get(name, ()) if "AliasTarget" in each)
            names += (canonical(alias["DNSName"]) for alias in aliases)
    return reached


def check_ids(records: Iterable[Record]) -> set[str]:
    return {record["HealthCheckId"] for record in records if record.get("HealthCheckId")}
