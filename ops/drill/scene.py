"""What a drill is about, as plain values: the region, the companies that are watched, what must hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from ops.errors import WRONG_CALL, OperatorError
from ops.stack import Stack
from plan.edges import TARGET_CHECK_SECONDS, TARGET_CHECKS, edge_name
from plan.geo import CONTINENTS, COUNTRY_PREFIX
from plan.handover import brain_handover
from plan.names import host_of
from plan.records import LEAF_TTL, RoutingPolicy, to_api
from plan.resolver import Client, resolve
from settings import Company, Settings
from settings.routes import check_of, company_route, record_plan, region_routes

MOST_WATCHED = 20
"""Companies: each has a client that asks several times a second."""
SLACK_SECONDS = 4
"""For what a round, a patch and a look take."""
READINESS_SECONDS = 7
"""From a flag to the endpoints: a probe's period, and what Kubernetes takes to pass it on."""
REGISTRATION_SECONDS = TARGET_CHECKS * TARGET_CHECK_SECONDS + 15 + 3
"""From ready containers to the pod's endpoint behind a load balancer of AWS: checks of the new target; the
controller asks every 15 s whether they passed (source: AWS Load Balancer Controller,
`--targetgroupbinding-requeue-duration`); registration and the endpoint's update."""
CHECKS_SECONDS = 10
"""From a health path's 503 to Route53's other answer: each of its checkers has asked once more."""
COPY_SECONDS = 30
"""Beyond `syncInterval`: what copying takes, and S3 to replicate where replication is next to immediate."""
S3_SECONDS = 15 * 60
"""The same where nothing is promised for replication but S3's usual quarter of an hour."""


class Keeping(StrEnum):
    """What the company's memory does when the region fails."""

    FOLLOWS = "follows"
    """The Brain of the next region takes it over."""
    COPIED = "copied"
    """It is copied to the next region's bucket, from where it can be restored."""
    STAYS = "stays"
    """Nothing is copied."""


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A company that is watched."""

    name: str
    namespace: str
    host: str
    regions: tuple[str, ...]
    home: str
    """Where its clients are at first."""
    away: str | None
    """Where they go when the region fails; None: nowhere."""
    client: Client
    """From where the drill asks: near the region that is taken down."""
    keeping: Keeping

    moves: bool
    """Whether its clients are in the region that is taken down."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds that may pass at most."""

    flag: float
    """From the outage to the flag."""
    endpoints: float
    """From the outage until no endpoint is ready."""
    gap: float
    """Without an answer, for a client that caches nothing."""
    clear: float
    """From workloads that answer to the end of the flag; hold-down aside."""
    back: float
    """From there until endpoints are ready again; hold-down aside."""
    age: float
    """Of what is found elsewhere, when the outage begins."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    stack: str
    region: str
    others: tuple[str, ...]
    """The stack's other regions that a watched company lives in."""
    tenants: tuple[Tenant, ...]
    edges: Mapping[str, str]
    """The region that a name of a load balancer stands for."""
    health: tuple[tuple[str, str], ...]
    """Where Route53 asks for the region's health: load balancer and path."""
    policy: RoutingPolicy
    limits: Limits
    interval: float
    """Seconds between the controllers' rounds."""
    recovery_rounds: int
    sync_interval: int
    ttl: int = LEAF_TTL

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(tenant.namespace for tenant in self.tenants)

    @property
    def moving(self) -> tuple[Tenant, ...]:
        return tuple(tenant for tenant in self.tenants if tenant.moves)


def scene_of(stack: Stack, region: str, companies: Sequence[str], *, quick_copies: bool) -> Scene:
    """`companies`: names; without any, all that live in the region and another. `quick_copies`: buckets
    follow each other at once. Raises OperatorError for what cannot be drilled.
    """
    settings = stack.settings
    _refuse(stack, region)
    chosen = [stack.company(name) for name in companies] or [
        one for one in settings.companies if {region} < {each.name for each in settings.regions_of(one)}
    ]
    if not chosen:
        raise OperatorError(f"--region: no company of {stack.file} lives in {region} and another", WRONG_CALL)
    planned = Planned.of(settings)
    tenants = tuple(_tenant(planned, one, region) for one in chosen[:MOST_WATCHED])
    checks = [check_of(settings, company, region) for company in chosen[:MOST_WATCHED]]
    lived = {name for tenant in tenants for name in tenant.regions}
    return Scene(
        stack=stack.name,
        region=region,
        others=tuple(name for name in stack.regions if name != region and name in lived),
        tenants=tenants,
        edges=edges_of(settings),
        health=tuple(sorted({(check.fqdn, check.path) for check in checks})),
        policy=settings.load_balancing.policy,
        limits=_limits(settings, region, COPY_SECONDS if quick_copies else S3_SECONDS),
        interval=settings.failover.interval_seconds,
        recovery_rounds=settings.failover.recovery_threshold,
        sync_interval=settings.replication.sync_interval,
    )


def pick(answer: Mapping[str, Fraction], wanted: str) -> str:
    """Of the targets that a client may be sent to, the one that the drill follows: `wanted` while it is among
    them, else the likeliest. Empty when there is none.
    """
    return wanted if wanted in answer else max(sorted(answer), key=answer.__getitem__, default="")


def edges_of(settings: Settings) -> dict[str, str]:
    found = {}
    for region in settings.regions:
        if region.endpoint:
            found[region.endpoint.lower()] = region.name
        for edge in {company.edge for company in settings.companies}:
            found[edge_name(region.name, edge, settings.domain).lower()] = region.name
    return found


def _refuse(stack: Stack, region: str) -> None:
    settings = stack.settings
    if region not in stack.regions:
        there = ", ".join(stack.regions)
        raise OperatorError(f"--region: {region} is not in {stack.file}; its regions: {there}", WRONG_CALL)
    if not settings.failover_enabled:
        raise OperatorError(
            f"{stack.file}: failover is off, so that nothing would notice an outage of {region}: set"
            " failover.enabled, and have two regions",
            WRONG_CALL,
        )
    if settings.hosted_zone_id is None:
        raise OperatorError(
            f"{stack.file}: hostedZoneId is missing: there are the records that lead clients away",
            WRONG_CALL,
        )


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The records as the stack file has them."""

    settings: Settings
    edges: Mapping[str, str]
    records: Sequence[Mapping[str, Any]]
    """Health checks stand in them by their keys."""

    @classmethod
    def of(cls, settings: Settings) -> Planned:
        plan = record_plan(settings)
        keys = {check.key: check.key for check in plan.checks}
        records = [to_api(record, keys, "Z") for record in plan.records]
        return cls(settings=settings, edges=edges_of(settings), records=records)

    def answer(self, company: Company, client: Client, healthy: Collection[str], wanted: str) -> str:
        """The region that the company's name leads to while these are healthy."""
        fit = {check_of(self.settings, company, name).key for name in healthy}
        host = host_of(company.namespace, self.settings.domain)
        return pick(regions_in(resolve(self.records, host, client, fit.__contains__), self.edges), wanted)


def _tenant(planned: Planned, company: Company, region: str) -> Tenant:
    settings = planned.settings
    regions = tuple(one.name for one in settings.regions_of(company))
    if region not in regions:
        raise OperatorError(
            f"--company: {company.name} is not in {region}; it is in: {', '.join(regions)}", WRONG_CALL
        )
    client = _client(settings, region)
    home = planned.answer(company, client, regions, region)
    away = planned.answer(company, client, [one for one in regions if one != region], region)
    return Tenant(
        name=company.name,
        namespace=company.namespace,
        host=host_of(company.namespace, settings.domain),
        regions=regions,
        home=home,
        away=None if away == region else away,
        moves=home == region,
        client=client,
        keeping=_keeping(settings, company, region, away),
    )


def _client(settings: Settings, region: str) -> Client:
    """One that is sent to the region, if any is."""
    [codes] = [one.geo for one in settings.regions if one.name == region]
    countries = [code.removeprefix(COUNTRY_PREFIX) for code in codes if code.startswith(COUNTRY_PREFIX)]
    return Client(
        country=next(iter(countries), None),
        continent=next((code for code in codes if code in CONTINENTS), None),
        nearest=(region, *(one.name for one in settings.regions if one.name != region)),
    )


def regions_in(answer: Mapping[str, Fraction], edges: Mapping[str, str]) -> dict[str, Fraction]:
    """A resolver's answer by region; a name that is no edge of the stack stands for itself."""
    found: dict[str, Fraction] = {}
    for target, share in answer.items():
        name = edges.get(target, target)
        found[name] = found.get(name, Fraction(0)) + share
    return found


def _keeping(settings: Settings, company: Company, region: str, away: str) -> Keeping:
    if not settings.replication.enabled:
        return Keeping.STAYS
    route, routes = company_route(settings, company), region_routes(settings)
    plan = brain_handover(settings.load_balancing.policy, route, routes, away)
    return Keeping.FOLLOWS if region in plan.follows else Keeping.COPIED


def _limits(settings: Settings, region: str, copies: float) -> Limits:
    """At the defaults: 20 s to the flag, 27 s to the endpoints, 30 s without an answer."""
    registered = settings.balanced(one for one in settings.regions if one.name == region)
    told = settings.failover
    flag = told.failure_threshold * told.interval_seconds + told.timeout_seconds + SLACK_SECONDS
    clear = told.recovery_threshold * told.interval_seconds + told.timeout_seconds + SLACK_SECONDS
    return Limits(
        flag=flag,
        endpoints=flag + READINESS_SECONDS,
        gap=flag + CHECKS_SECONDS,
        clear=clear,
        back=clear + READINESS_SECONDS + (REGISTRATION_SECONDS if registered else 0),
        age=settings.replication.sync_interval + copies,
    )
