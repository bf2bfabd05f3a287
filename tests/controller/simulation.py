"""Several clusters, their controllers' replicas, edges and workloads, the links between them, and their
clients.

Time goes by in whole seconds. The controllers run the product's own code: `look`, `decide`, pages as text.
What is modelled: a round's reads and probes take a second; a page may reach its reader a round late; a flag
takes READINESS_SECONDS to the pods (`docs/failover.md`); a new leader leads LEASE_SECONDS after the old one
died; and Route53 with its clients (`dns.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from plan.records import RoutingPolicy
from runtime.contracts.controller import Company
from runtime.controller.config import ControllerConfig
from runtime.controller.decide import Counters, Decision, apply, decide, tenant_flags
from runtime.controller.reopening import Closed, regions_of, reopen, returning
from runtime.controller.survey import Survey
from runtime.controller.views import Page, dump, dump_public, parse
from runtime.controller.votes import REGION_WIDE, Flags, PageHistories, assess
from tests.controller.dns import Dns

INTERVAL = 5
READINESS_SECONDS = 7
LEASE_SECONDS = 10
COMPANIES = 4


@dataclass
class Replica:
    phase: int
    """Second within the interval at which its rounds begin."""
    alive: bool = True
    counters: Counters = field(default_factory=Counters)
    histories: PageHistories = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)
    """The last ones, oldest first: a reader may get one that is late."""
    unhealthy: Flags = field(default_factory=dict)
    closed: Closed = field(default_factory=dict)
    pending: Decision | None = None
    survey: Survey = field(default_factory=lambda: Survey(started=0))

    def restart(self, now: int) -> None:
        self.survey = Survey(started=now)
        self.counters, self.histories, self.pages, self.unhealthy = Counters(), {}, [], {}
        self.closed, self.pending = {}, None


@dataclass
class Cluster:
    settings: ControllerConfig
    replicas: list[Replica]
    flags: Flags = field(default_factory=dict)
    applied: list[Flags] = field(default_factory=list)
    """The flags in force at the end of each second."""
    leaderless_until: int = 0

    @property
    def leader(self) -> Replica | None:
        return next((replica for replica in self.replicas if replica.alive), None)

    def ready_flags(self) -> Flags:
        """As the pods' readiness knows them."""
        return self.applied[-READINESS_SECONDS] if len(self.applied) >= READINESS_SECONDS else {}


@dataclass(frozen=True)
class Moment:
    """The simulation at the end of a second."""

    at: int
    flags: Mapping[str, Flags]
    """By cluster."""
    answering: Mapping[RoutingPolicy, frozenset[str]]
    """The regions that DNS sends clients to."""
    unanswered: frozenset[tuple[RoutingPolicy, str]]
    """Companies of which some client, under some policy, gets no answer."""

    def flagged(self, cluster: str, scope: str = REGION_WIDE) -> frozenset[str]:
        return self.flags[cluster].get(scope, frozenset())


def calm(simulation: Simulation) -> None:
    """Nothing happens."""


class Simulation:
    """`layout` names each cluster's regions; all are active."""

    def __init__(
        self, layout: Mapping[str, tuple[str, ...]], *, seed: int, dedicated: int = 0, own_edges: bool = True
    ) -> None:
        self.random = random.Random(seed)
        self.now = 0
        self.regions = tuple(name for names in layout.values() for name in names)
        self.home = {name: cluster for cluster, names in layout.items() for name in names}
        self.dead: set[tuple[str, str]] = set()
        self.dead_edges: set[str] = set()
        self.cuts: set[tuple[str, str]] = set()
        """(cluster, region): the cluster cannot reach the region's edge."""
        self.public_only: set[tuple[str, str]] = set()
        """(reader, cluster): the reader gets that cluster's public pages: their keys, or versions, differ."""
        self.history: list[Moment] = []
        self.companies = {
            f"company-{number}": Company(regions=self.regions, dedicated=number >= COMPANIES)
            for number in range(COMPANIES + dedicated)
        }
        self.clusters = {
            name: self._cluster(name, names, own_edges=own_edges) for name, names in layout.items()
        }
        self.dns = Dns(self.regions, self.companies, lambda: self.random.randrange(3600))

    def _cluster(self, name: str, own: tuple[str, ...], *, own_edges: bool) -> Cluster:
        asked = self.regions if own_edges else tuple(each for each in self.regions if each not in own)
        settings = ControllerConfig(
            cluster=name,
            regions=own,
            all=self.regions,
            peers={each: f"https://{each}.example.com/peer/{each}" for each in asked},
            companies=self.companies,
            interval_seconds=INTERVAL,
        )
        return Cluster(settings, [Replica(self.random.randrange(INTERVAL)) for _ in range(2)])

    # What can go wrong.

    def kill_workloads(self, region: str, companies: Iterable[str] | None = None) -> None:
        self.dead |= {(region, name) for name in companies or self.companies}

    def revive_workloads(self, region: str) -> None:
        self.dead = {(where, name) for where, name in self.dead if where != region}

    def cut(self, cluster: str, *regions: str) -> None:
        """One way: from a cluster to regions' edges."""
        self.cuts |= {(cluster, name) for name in regions}

    def lose_egress(self, cluster: str) -> None:
        """Its own edges from outside included."""
        self.cut(cluster, *self.regions)

    def part(self, one: str, other: str) -> None:
        """The link between two clusters, both ways."""
        self.cut(one, *self.clusters[other].settings.regions)
        self.cut(other, *self.clusters[one].settings.regions)

    def kill_replica(self, cluster: str, index: int) -> None:
        there = self.clusters[cluster]
        if there.leader is there.replicas[index]:
            there.leaderless_until = self.now + LEASE_SECONDS
        there.replicas[index].alive = False

    def kill_controller(self, cluster: str) -> None:
        for index in range(len(self.clusters[cluster].replicas)):
            self.kill_replica(cluster, index)

    def heal(self) -> None:
        self.dead, self.cuts, self.dead_edges = set(), set(), set()
        for cluster in self.clusters.values():
            for replica in cluster.replicas:
                if not replica.alive:
                    replica.restart(self.now)
                    replica.alive = True

    # How time goes by.

    def run(self, seconds: int, each: Callable[[Simulation], None] = calm) -> None:
        for _ in range(seconds):
            each(self)
            for cluster in self.clusters.values():
                for replica in cluster.replicas:
                    self._finish(cluster, replica)
            for cluster in self.clusters.values():
                for replica in cluster.replicas:
                    if replica.alive and self.now % INTERVAL == replica.phase:
                        self._observe(cluster, replica)
                cluster.applied.append(cluster.flags)
            self.dns.pass_second(self.now, self._is_answered)
            self.history.append(self._moment())
            self.now += 1

    def _observe(self, cluster: Cluster, replica: Replica) -> None:
        settings = cluster.settings
        asked = replica.survey.ask(settings, self.now)
        answers = {
            name: {company: (name, company) not in self.dead for company in companies}
            for name, companies in asked.items()
        }
        assert not replica.survey.ask_also(settings, answers), "there are few companies: all were asked"
        counted, findings = replica.survey.count(settings, answers)
        pages = {name: page for name in settings.peers if (page := self._read(settings.cluster, name))}
        seen = assess(settings, counted, pages, cluster.flags, replica.histories, findings)
        replica.histories = seen.histories
        page = Page(cluster=settings.cluster, at=self.now * 1000 + replica.phase, regions=seen.views)
        replica.pages = [*replica.pages, page][-2:]
        replica.pending = decide(settings, replica.counters, seen.evidence, cluster.flags)
        ready = {
            name: {company: self._is_ready(name, company) for company in settings.probed(name)}
            for name in returning(replica.closed)
        }
        replica.closed = reopen(settings, replica.closed, cluster.flags, ready, self.now)

    def _finish(self, cluster: Cluster, replica: Replica) -> None:
        """A second after its round began, a replica has decided; the leader acts."""
        decision, replica.pending = replica.pending, None
        if decision is None or not replica.alive:
            return
        replica.counters, replica.unhealthy = decision.counters, decision.unhealthy
        if replica is cluster.leader and self.now >= cluster.leaderless_until:
            cluster.flags = apply(cluster.flags, decision.changes)

    def _read(self, reader: str, region: str) -> Page | None:
        pages = [replica.pages for replica in self.clusters[self.home[region]].replicas if replica.alive]
        pages = [kept for kept in pages if kept]
        if not pages or region in self.dead_edges or (reader, region) in self.cuts:
            return None
        kept = self.random.choice(pages)
        page = kept[0 if self.random.random() < 0.2 else -1]
        if (reader, self.home[region]) in self.public_only:
            alias = self.clusters[self.home[region]].settings.alias
            return parse(dump_public(page, region, alias).encode())
        return parse(dump(page).encode())

    def _is_answered(self, path: str) -> bool:
        """Whether `/healthz/<region>[/<company>]` says 200 at the region's edge."""
        _, _, name, *company = path.split("/")
        cluster, scope = self.clusters[self.home[name]], company[0] if company else REGION_WIDE
        if cluster.leader is None or name in self.dead_edges:
            return False
        regions_known = (cluster.flags, cluster.leader.unhealthy)
        closed = name in regions_of(cluster.leader.closed, scope)
        return not closed and not any(name in each.get(scope, ()) for each in regions_known)

    def serves(self, name: str, company: str) -> bool:
        """Whether a request that arrives at the region's edge gets the application's answer."""
        return name not in self.dead_edges and self._is_ready(name, company)

    def _is_ready(self, name: str, company: str) -> bool:
        cluster = self.clusters[self.home[name]]
        gated = name in tenant_flags(cluster.settings, company, cluster.ready_flags())
        return (name, company) not in self.dead and not gated

    def _moment(self) -> Moment:
        answering: dict[RoutingPolicy, set[str]] = {policy: set() for policy in RoutingPolicy}
        serving = {
            (name, company): self.serves(name, company) for name in self.regions for company in self.companies
        }
        unanswered = set()
        for caller in self.dns.callers:
            answering[caller.policy] |= caller.regions_known
            if not all(serving[name, caller.company] for name in caller.regions_known):
                unanswered.add((caller.policy, caller.company))
        return Moment(
            at=self.now,
            flags={name: cluster.flags for name, cluster in self.clusters.items()},
            answering={policy: frozenset(regions) for policy, regions in answering.items()},
            unanswered=frozenset(unanswered),
        )
