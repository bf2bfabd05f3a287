"""The situations that are played: k8gb's split-brain page, row by row, and what else goes wrong between
regions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from plan.edges import CHECK_INTERVAL_SECONDS
from plan.records import LEAF_TTL, RoutingPolicy
from tests.controller.simulation import READINESS_SECONDS, Simulation, calm

US, EU, AP, WEST = "us-east-1", "eu-west-1", "ap-southeast-2", "us-west-2"
Layout = Mapping[str, tuple[str, ...]]
TWO: Layout = {"us": (US,), "eu": (EU,)}
THREE: Layout = {"us": (US,), "eu": (EU,), "ap": (AP,)}
SHARED: Layout = {"us": (US, WEST), "eu": (EU,)}

SPREAD = (RoutingPolicy.LATENCY, RoutingPolicy.WEIGHTED, RoutingPolicy.GEO)
FAILOVER = (RoutingPolicy.FAILOVER,)

Act = Callable[[Simulation], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Situation:
    """Some fault and what must come of it. Clusters not named in `flags` have flagged nobody."""

    title: str
    k8gb: str = ""
    """What k8gb's page says of it; empty where it says nothing."""
    fault: Act
    """What happens once, when the fault begins."""
    each_second: Act = calm
    layout: Layout = field(default_factory=lambda: TWO)
    policies: tuple[RoutingPolicy, ...] = SPREAD
    flags: Mapping[str, set[str]] = field(default_factory=dict)
    """Cluster to what it has flagged at the end of the fault."""
    answering: set[str]
    """Where DNS sends clients at the end of the fault; with policy `failover` to the first of these."""
    gap: int = 0
    """Seconds within which every client has an answer again; NEVER where nobody could give one."""
    heals: int = 0
    """Seconds after the end of the fault within which all is as before."""
    own_edges: bool = True


NEVER = 10**6
DNS = CHECK_INTERVAL_SECONDS + LEAF_TTL
"""Seconds that Route53 and a client's cache take: until all checkers have asked, and a time to live."""
FLAGGED = 5 + 1 + 2 * 5 + 1
"""Seconds from a death to its region's flag: to the next round, three rounds, and what a round takes."""
TOLD = 2 * 5
"""Seconds that a page takes to another cluster: made each 5 s, read each 5 s."""
REOPENED = READINESS_SECONDS + 5 + 2 * 5
"""Seconds from a flag's end to the region's health path: pods ready, seen so in a round, and two more."""
BACK = DNS + FLAGGED + TOLD + REOPENED


def all_of(*acts: Act) -> Act:
    def act(simulation: Simulation) -> None:
        for each in acts:
            each(simulation)

    return act


def dies(region: str, companies: int | None = None) -> Act:
    """All of its workloads, or those of its first companies."""
    names = None if companies is None else [f"company-{number}" for number in range(companies)]
    return lambda simulation: simulation.kill_workloads(region, names)


def edge_dies(region: str) -> Act:
    return lambda simulation: simulation.dead_edges.add(region)


def loses_egress(*clusters: str) -> Act:
    return all_of(*(partial(Simulation.lose_egress, cluster=cluster) for cluster in clusters))


def cannot_reach(cluster: str, *regions: str) -> Act:
    return lambda simulation: simulation.cut(cluster, *regions)


def parted(one: str, other: str) -> Act:
    return lambda simulation: simulation.part(one, other)


ONLY_OWN = "Each returns only its own addresses."
ASYMMETRIC = "EU returns only its own addresses, US both."

ACTIVE = [
    Situation(
        title="Nothing is wrong",
        k8gb="All clusters' healthy addresses are returned.",
        fault=calm,
        answering={US, EU},
    ),
    Situation(
        title="eu has lost its way out: it reaches no edge, not even its own",
        k8gb=f"EU cannot reach edge DNS; or can write to it, but not read. {ASYMMETRIC}",
        fault=loses_egress("eu"),
        answering={US, EU},
    ),
    Situation(
        title="eu cannot reach us, one way",
        k8gb=f"EU cannot reach US's CoreDNS. {ASYMMETRIC}",
        fault=cannot_reach("eu", US),
        flags={"eu": {US}},
        answering={US, EU},
        heals=BACK,
    ),
    Situation(
        title="The link between us and eu is cut both ways",
        k8gb=f"Neither reaches the other's CoreDNS. {ONLY_OWN}",
        fault=parted("us", "eu"),
        flags={"eu": {US}, "us": {EU}},
        answering={US, EU},
        heals=BACK,
    ),
    Situation(
        title="Every cluster has lost its way out",
        k8gb=f"Edge DNS down for all. {ONLY_OWN}",
        fault=loses_egress("us", "eu"),
        answering={US, EU},
    ),
    Situation(
        title="The workloads of us are dead",
        k8gb="US pods unhealthy. Only EU's addresses are served globally.",
        fault=dies(US),
        flags={"eu": {US}, "us": {US}},
        answering={EU},
        gap=FLAGGED + DNS,
        heals=BACK,
    ),
    Situation(
        title="The workloads of us are dead, and the link is cut both ways",
        k8gb="",
        fault=all_of(dies(US), parted("us", "eu")),
        flags={"eu": {US}},
        answering={EU},
        gap=FLAGGED + DNS,
        heals=BACK,
    ),
]  # fmt: skip
