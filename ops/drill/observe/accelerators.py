"""Where AWS Global Accelerator sends clients of this machine. Nothing but a connection shows it: a company's
name always leads to the same addresses.

So each connection asks for the health paths of the company's regions, too: only the load balancer of a region
knows its path, and the others answer 404.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing

from ops.drill.observe.dns import Record, reachable
from ops.drill.observe.http import Request, Response
from ops.drill.observe.record import UNKNOWN, Indicator, State
from ops.drill.scenario import Scenario, Tenant
from ops.errors import OperatorError
from plan.resolver import Client, ResolveError, resolve

EVERY_SECONDS = 0.5
ANSWER_SECONDS = 2.0
NOT_FOUND = 404
ANYBODY = Client(country=None, continent=None, nearest=())

Talk = Callable[[str, Iterable[Request]], Generator[Response]]
"""To the load balancer with this DNS name: the answers to requests on one connection."""


class Accelerated:
    """Observes the region to which each company's accelerator sends this machine."""

    indicator = Indicator.DNS
    every = EVERY_SECONDS

    def __init__(self, scenario: Scenario, accelerators: Mapping[str, str], talk: Talk) -> None:
        """`accelerators`: DNS names by namespace."""
        self._scenario, self._accelerators, self._talk = scenario, accelerators, talk
        self._paths = {
            accelerators[tenant.namespace]: health_paths(tenant.regions, scenario.edges)
            for tenant in scenario.tenants
        }
        self._regions: dict[str, str] = {}
        """The last region by accelerator."""

    def observe(self) -> dict[str, State]:
        states = {name: self._observe(name) for name in self._paths}
        return {tenant.namespace: states[self.target(tenant)] for tenant in self._scenario.tenants}

    def target(self, tenant: Tenant) -> str:
        """The accelerator's name."""
        return self._accelerators[tenant.namespace]

    def ask(self, target: str, request: Request) -> tuple[Response, str]:
        """The answer, and the region that gave it. Without an answer: the last region."""
        paths = self._paths[target]
        with closing(self._talk(target, [request, *paths.values()])) as answers:
            first = next(answers)
            region, _ = _region(paths, answers) if first.ok else ("", "")
        return first, region or self._regions.get(target, "")

    def _observe(self, name: str) -> State:
        """While nobody answers, the accelerator has not left the last region."""
        with closing(self._talk(name, self._paths[name].values())) as answers:
            region, detail = _region(self._paths[name], answers)
        self._regions[name] = region or self._regions.get(name, "")
        return State(state=self._regions[name] or UNKNOWN, detail=detail)


def client_regions(
    accelerators: Mapping[str, str],
    regions: Mapping[str, Sequence[str]],
    edges: Mapping[str, str],
    talk: Talk,
) -> dict[str, str]:
    """The region to which each company's accelerator sends this machine now. Raises OperatorError.

    `accelerators`: DNS names by namespace; `regions`: those of each company by namespace; `edges`: regions by
    the names of their load balancers.
    """
    found = dict[str, str]()
    for company, name in accelerators.items():
        if name not in found:
            paths = health_paths(regions[company], edges)
            with closing(talk(name, paths.values())) as answers:
                found[name], detail = _region(paths, answers)
            if not found[name]:
                raise OperatorError(f"no region answers behind the accelerator {name}: {detail}")
    return {company: found[name] for company, name in accelerators.items()}


def accelerator_of(records: Iterable[Record], host: str) -> str:
    """The DNS name of the accelerator to which a company's name leads. Raises OperatorError."""
    try:
        (name,) = resolve(reachable(records, host), host, ANYBODY, lambda check: True)
    except ResolveError as error:
        raise OperatorError(f"{host} leads to no accelerator: deploy the stack ({error})") from error
    return name


def health_paths(regions: Sequence[str], edges: Mapping[str, str]) -> dict[str, Request]:
    """A request for the health path of each region."""
    hosts = {region: name for name, region in reversed([*edges.items()])}
    seconds = {"connect": ANSWER_SECONDS, "answer": ANSWER_SECONDS}
    return {
        region: Request(host=hosts[region], path=f"/healthz/{region}", verify=False, **seconds)
        for region in regions
    }


def _region(paths: Iterable[str], answers: Iterator[Response]) -> tuple[str, str]:
    """The region whose health path is known, empty without one; and the last answer."""
    detail = "no answer"
    for region, each in zip(paths, answers, strict=False):
        detail = each.detail
        if each.status not in (0, NOT_FOUND):
            return region, detail
    return "", detail
