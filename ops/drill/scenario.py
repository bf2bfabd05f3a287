"""The scenario of a drill: the region that is taken down, the companies that are watched, the limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ops.drill.limits import S3_SECONDS, UPLOAD_SECONDS, Limits, limits_of
from ops.drill.planned import Planned, edges_of
from ops.errors import WRONG_CALL, OperatorError
from ops.stack import Stack
from plan.geo import CONTINENTS, COUNTRY_PREFIX
from plan.handover import brain_handover
from plan.names import host_of
from plan.records import LEAF_TTL, RoutingPolicy
from plan.resolver import Client
from settings import Company, Settings
from settings.models import Manager
from settings.routes import check_of, company_route, region_routes

MOST_WATCHED = 20
"""Companies: the client of each sends several requests a second."""


class MemoryMode(StrEnum):
    """What becomes of a company's memory when the region fails."""

    FOLLOWS = "follows"
    """The Brain of the next region takes it over."""
    REPLICATED = "replicated"
    """Snapshots are in the next region's bucket, from where it can be restored."""
    LOCAL = "local"
    """There is no snapshot elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A company that the drill watches."""

    name: str
    namespace: str
    host: str
    regions: tuple[str, ...]
    usual_region: str
    """The region of its clients before the outage."""
    failover_region: str | None
    """The region of its clients during the outage; None: there is none."""
    client: Client
    """The drill's client: near the region that is taken down."""
    memory: MemoryMode
    moves: bool
    """Whether its clients are in the region that is taken down."""

    @property
    def follows(self) -> bool:
        return self.moves and self.memory is MemoryMode.FOLLOWS


@dataclass(frozen=True, kw_only=True)
class ZoneLoss:
    """The part of the region that a drill takes down: one availability zone."""

    zone: str
    workloads: tuple[tuple[str, str], ...]
    """Namespace and component of the watched companies' workloads whose volumes lie there."""
    region_fails: bool
    """Whether the controllers flag the region: most of its companies are in this zone."""

    @property
    def companies(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(namespace for namespace, _ in self.workloads))


@dataclass(frozen=True, kw_only=True)
class Scenario:
    stack: str
    region: str
    """The region that is taken down."""
    others: tuple[str, ...]
    """The other regions of the watched companies."""
    tenants: tuple[Tenant, ...]
    edges: Mapping[str, str]
    """Regions by the names of their load balancers."""
    health: tuple[tuple[str, str], ...]
    """The region's health paths: load balancer and path."""
    policy: RoutingPolicy
    limits: Limits
    interval: float
    """Seconds between the controllers' rounds."""
    recovery_rounds: int
    sync_interval: int
    ttl: int
    """Seconds for which a client that honours TTLs may use an answer that has become wrong."""
    manager: Manager
    loss: ZoneLoss | None = None
    """None: all of the region is taken down."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(tenant.namespace for tenant in self.tenants)

    @property
    def health_paths(self) -> tuple[str, ...]:
        return tuple(f"{name}{path}" for name, path in self.health)

    @property
    def moving(self) -> tuple[Tenant, ...]:
        return tuple(tenant for tenant in self.tenants if tenant.moves)

    @property
    def zone(self) -> str:
        """Empty: all of the region is taken down."""
        return self.loss.zone if self.loss else ""

    @property
    def region_fails(self) -> bool:
        return self.loss is None or self.loss.region_fails

    @property
    def leaving(self) -> tuple[Tenant, ...]:
        """Those whose clients leave the region."""
        return self.moving if self.region_fails else ()

    @property
    def lost(self) -> tuple[str, ...]:
        """Companies with a volume in the lost zone."""
        return self.loss.companies if self.loss else ()

    @property
    def moved(self) -> tuple[str, ...]:
        """Of the lost companies, those whose clients are here: the drill moves them to another zone."""
        here = {tenant.namespace for tenant in self.moving}
        return tuple(each for each in self.lost if each in here)

    def loses(self, namespace: str, component: str) -> bool:
        """Whether the workload's volume lies in the lost zone."""
        return self.loss is not None and (namespace, component) in self.loss.workloads


def scenario_of(
    stack: Stack,
    region: str,
    companies: Sequence[str],
    *,
    quick_replication: bool,
    client_regions: Mapping[str, str] = MappingProxyType({}),
) -> Scenario:
    """`companies`: names; without any, all that are in the region and in another. `quick_replication`:
    between buckets. `client_regions`: by namespace, the region to which Global Accelerator sends the drill's
    client; without any, the client is near `region`. Raises OperatorError where a drill is impossible.
    """
    settings = stack.settings
    _check(stack, region)
    chosen = _watched(stack, region, companies)
    planned = Planned.of(settings)
    accelerated = settings.load_balancing.manager is Manager.GLOBAL_ACCELERATOR
    tenants = tuple(
        _tenant(planned, each, region, client_regions.get(each.namespace, region)) for each in chosen
    )
    checks = [check_of(settings, company, region) for company in chosen]
    used = {name for tenant in tenants for name in tenant.regions}
    return Scenario(
        stack=stack.name,
        region=region,
        others=tuple(name for name in stack.regions if name != region and name in used),
        tenants=tenants,
        edges=edges_of(settings),
        health=tuple(sorted({(check.fqdn, check.path) for check in checks})),
        policy=settings.load_balancing.policy,
        limits=limits_of(settings, region, UPLOAD_SECONDS if quick_replication else S3_SECONDS),
        interval=settings.failover.interval_seconds,
        recovery_rounds=settings.failover.recovery_threshold,
        sync_interval=settings.replication.sync_interval,
        ttl=0 if accelerated else LEAF_TTL,
        manager=settings.load_balancing.manager,
    )


def _watched(stack: Stack, region: str, companies: Sequence[str]) -> Sequence[Company]:
    chosen = [stack.company(name) for name in companies] or [
        company
        for company in stack.settings.companies
        if {region} < {each.name for each in stack.settings.regions_of(company)}
    ]
    if not chosen:
        raise OperatorError(f"--region: no company of {stack.file} is in {region} and another", WRONG_CALL)
    return chosen[:MOST_WATCHED]


def _check(stack: Stack, region: str) -> None:
    settings = stack.settings
    if region not in stack.regions:
        raise stack.wrong_region(region)
    if not settings.failover_enabled:
        raise OperatorError(
            f"{stack.file}: failover is off, so nothing would notice an outage of {region}: set"
            " failover.enabled, with two regions or more",
            WRONG_CALL,
        )
    if settings.hosted_zone_id is None:
        raise OperatorError(
            f"{stack.file}: hostedZoneId: missing (required): its records lead clients to another region",
            WRONG_CALL,
        )


def _tenant(planned: Planned, company: Company, region: str, near: str) -> Tenant:
    settings = planned.settings
    regions = tuple(each.name for each in settings.regions_of(company))
    if region not in regions:
        raise OperatorError(
            f"--company: {company.name} is not in {region}; it is in: {', '.join(regions)}", WRONG_CALL
        )
    client = _client(settings, near)
    usual = planned.answer(company, client, regions, region)
    failover = planned.answer(company, client, [each for each in regions if each != region], region)
    return Tenant(
        name=company.name,
        namespace=company.namespace,
        host=host_of(company.namespace, settings.domain),
        regions=regions,
        usual_region=usual,
        failover_region=None if failover == region else failover,
        moves=usual == region,
        client=client,
        memory=_memory(settings, company, region, failover),
    )


def _client(settings: Settings, region: str) -> Client:
    """A client near the region."""
    [codes] = [each.geo for each in settings.regions if each.name == region]
    countries = [code.removeprefix(COUNTRY_PREFIX) for code in codes if code.startswith(COUNTRY_PREFIX)]
    return Client(
        country=next(iter(countries), None),
        continent=next((code for code in codes if code in CONTINENTS), None),
        nearest=(region, *(each.name for each in settings.regions if each.name != region)),
    )


def _memory(settings: Settings, company: Company, region: str, failover: str) -> MemoryMode:
    if not settings.replication.enabled:
        return MemoryMode.LOCAL
    route, routes = company_route(settings, company), region_routes(settings)
    plan = brain_handover(settings.load_balancing.policy, route, routes, failover)
    return MemoryMode.FOLLOWS if region in plan.follows else MemoryMode.REPLICATED
