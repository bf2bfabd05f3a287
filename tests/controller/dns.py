"""Route53 and its clients in the simulation: the product's record plan, answered by `plan.resolver`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from plan.edges import CHECK_FAILURES, CHECK_INTERVAL_SECONDS
from plan.records import LEAF_TTL, CompanyRoute, RoutingPolicy, to_api
from plan.resolver import Client, resolve
from runtime.contracts.controller import Company
from tests.plan.route_stacks import DOMAIN, Stack, region

CODES = (("default",), ("EU",), ("AS",), ("SA",), ("OC",))
PLACES = (None, "EU", "AS", "SA", "OC")


@dataclass
class Caller:
    """A client that asks anew each LEAF_TTL, and goes where it was told meanwhile."""

    policy: RoutingPolicy
    company: str
    client: Client
    offset: int
    regions_known: frozenset[str] = frozenset()
    """Regions that it may be sent to."""


class Dns:
    """The records of one stack under each policy, what Route53 believes of the health checks, and the
    clients.

    A check that says otherwise for CHECK_FAILURES × CHECK_INTERVAL_SECONDS is believed.
    """

    def __init__(
        self, regions: tuple[str, ...], companies: Mapping[str, Company], offset: Callable[[], int]
    ) -> None:
        routes = [region(name, geo=codes) for name, codes in zip(regions, CODES, strict=False)]
        plans = {
            policy: Stack(
                policy=policy,
                regions=tuple(routes),
                companies=tuple(
                    CompanyRoute(namespace=name, regions=regions, dedicated=company.dedicated)
                    for name, company in companies.items()
                ),
            ).plan()
            for policy in RoutingPolicy
        }
        checks = plans[RoutingPolicy.FAILOVER].checks
        self._paths = {check.key: check.path for check in checks}
        self._healthy = dict.fromkeys(self._paths, True)
        self._contrary = dict.fromkeys(self._paths, 0)
        ids = {key: key for key in self._paths}
        self._records = {
            policy: [to_api(record, ids, "Z") for record in plan.records] for policy, plan in plans.items()
        }
        self._targets = {f"{name}.{DOMAIN}": name for name in regions}
        self._answers: dict[tuple[RoutingPolicy, str, Client, frozenset[str]], frozenset[str]] = {}
        clients = [
            Client(country=None, continent=PLACES[turn], nearest=regions[turn:] + regions[:turn])
            for turn in range(len(regions))
        ]
        self.callers = [
            Caller(policy, company, client, offset() % LEAF_TTL)
            for policy in RoutingPolicy
            for company in companies
            for client in clients
        ]

    def pass_second(self, now: int, answers: Callable[[str], bool]) -> None:
        """`answers` says of a health check's path whether it gets 200 now."""
        for key, path in self._paths.items():
            contrary = answers(path) is not self._healthy[key]
            self._contrary[key] = self._contrary[key] + 1 if contrary else 0
            if self._contrary[key] >= CHECK_INTERVAL_SECONDS * CHECK_FAILURES:
                self._healthy[key], self._contrary[key] = not self._healthy[key], 0
        failing = frozenset(key for key, healthy in self._healthy.items() if not healthy)
        for caller in self.callers:
            if now % LEAF_TTL == caller.offset or not caller.regions_known:
                caller.regions_known = self._ask(caller, failing)

    def _ask(self, caller: Caller, failing: frozenset[str]) -> frozenset[str]:
        question = (caller.policy, caller.company, caller.client, failing)
        if question not in self._answers:
            targets = resolve(
                self._records[caller.policy],
                f"{caller.company}.{DOMAIN}",
                caller.client,
                lambda key: key not in failing,
            )
            self._answers[question] = frozenset(self._targets[target] for target in targets)
        return self._answers[question]
