"""What else goes wrong: three clusters, several regions in one, edges, controllers, companies."""

from __future__ import annotations

from tests.controller.simulation import Simulation, calm
from tests.controller.situations import (
    AP,
    BACK,
    DNS,
    EU,
    FAILOVER,
    FLAGGED,
    NEVER,
    SHARED,
    SPREAD,
    THREE,
    US,
    WEST,
    Situation,
    all_of,
    cannot_reach,
    dies,
    edge_dies,
    loses_egress,
    parted,
)

ALL = (*SPREAD, *FAILOVER)


def both_have_failed_themselves(simulation: Simulation) -> None:
    """Each flagged itself, trusting the other's last good page, and then they were parted."""
    for cluster in simulation.clusters.values():
        cluster.flags = {"": frozenset(cluster.settings.regions)}
    simulation.part("us", "eu")


def flaps(simulation: Simulation) -> None:
    """Thirty seconds dead, thirty alive: long enough to be failed, and cleared, each time."""
    if simulation.now // 30 % 2:
        simulation.revive_workloads(US)
    else:
        simulation.kill_workloads(US)


def leader_dies_meanwhile(simulation: Simulation) -> None:
    simulation.kill_workloads(US)
    simulation.kill_replica("us", 0)
    simulation.kill_replica("eu", 0)


THREE_CLUSTERS = [
    Situation(
        title="One link is cut both ways",
        layout=THREE,
        policies=ALL,
        fault=parted("us", "eu"),
        answering={US, EU, AP},
    ),
    Situation(
        title="One cluster is cut from both others, both ways",
        layout=THREE,
        policies=ALL,
        fault=all_of(parted("us", "eu"), parted("us", "ap")),
        flags={"us": {EU, AP}, "eu": {US}, "ap": {US}},
        answering={US, EU, AP},
        heals=BACK,
    ),
    Situation(
        title="Nobody reaches us, but us reaches everybody",
        layout=THREE,
        policies=ALL,
        fault=all_of(cannot_reach("eu", US), cannot_reach("ap", US)),
        flags={"us": {US}, "eu": {US}, "ap": {US}},
        answering={EU, AP},
        heals=BACK,
    ),
    Situation(
        title="One cluster has lost its way out",
        layout=THREE,
        policies=ALL,
        fault=loses_egress("us"),
        answering={US, EU, AP},
    ),
    Situation(
        title="All links are cut, each cluster still reaches its own edge",
        layout=THREE,
        policies=ALL,
        fault=all_of(parted("us", "eu"), parted("us", "ap"), parted("eu", "ap")),
        flags={"us": {EU, AP}, "eu": {US, AP}, "ap": {US, EU}},
        answering={US, EU, AP},
        heals=BACK,
    ),
    Situation(
        title="The workloads of us are dead, and the link to eu is cut both ways",
        layout=THREE,
        policies=ALL,
        fault=all_of(dies(US), parted("us", "eu")),
        flags={"us": {US}, "eu": {US}, "ap": {US}},
        answering={EU, AP},
        gap=FLAGGED + DNS,
        heals=BACK,
    ),
]

SEVERAL_REGIONS = [
    Situation(
        title="The workloads of one of them are dead",
        layout=SHARED,
        policies=ALL,
        fault=dies(US),
        flags={"us": {US}, "eu": {US}},
        answering={WEST, EU},
        gap=FLAGGED + DNS,
        heals=BACK,
    ),
    Situation(
        title="The edge of one of them is dead",
        layout=SHARED,
        policies=ALL,
        fault=edge_dies(US),
        flags={"us": {US}, "eu": {US}},
        answering={WEST, EU},
        gap=DNS,
        heals=BACK,
    ),
    Situation(
        title="The link between both clusters is cut both ways",
        layout=SHARED,
        policies=ALL,
        fault=parted("us", "eu"),
        flags={"us": {EU}, "eu": {US, WEST}},
        answering={US, WEST, EU},
        heals=BACK,
    ),
    Situation(
        title="All workloads of the shared cluster are dead",
        layout=SHARED,
        policies=ALL,
        fault=all_of(dies(US), dies(WEST)),
        flags={"us": {US, WEST}, "eu": {US, WEST}},
        answering={EU},
        gap=FLAGGED + DNS,
        heals=BACK,
    ),
]

PARTS = [
    Situation(
        title="The edge of us is dead, its workloads live",
        policies=ALL,
        fault=edge_dies(US),
        flags={"us": {US}, "eu": {US}},
        answering={EU},
        gap=DNS,
        heals=BACK,
    ),
    Situation(
        title="The same, where clusters are not told to ask their own edges",
        policies=ALL,
        own_edges=False,
        fault=edge_dies(US),
        flags={"eu": {US}},
        answering={EU},
        gap=DNS,
        heals=BACK,
    ),
    Situation(
        title="us is gone: workloads, edge and controller",
        policies=ALL,
        fault=all_of(dies(US), edge_dies(US), lambda simulation: simulation.kill_controller("us")),
        flags={"eu": {US}},
        answering={EU},
        gap=DNS,
        heals=BACK,
    ),
    Situation(
        title="Both replicas of the controller of us are dead",
        policies=ALL,
        fault=lambda simulation: simulation.kill_controller("us"),
        flags={"eu": {US}},
        answering={EU},
        heals=BACK,
    ),
    Situation(
        title="The workloads of us are dead, and both leaders at the same time",
        policies=ALL,
        fault=leader_dies_meanwhile,
        flags={"us": {US}, "eu": {US}},
        answering={EU},
        gap=FLAGGED + DNS,
        heals=BACK,
    ),
    Situation(
        title="us flaps: 30 s dead, 30 s alive",
        policies=ALL,
        fault=calm,
        each_second=flaps,
        flags={"us": {US}, "eu": {US}},
        answering={EU},
        gap=FLAGGED + DNS + 2 * 60,
        heals=BACK + 8 * 15,
    ),
    Situation(
        title="Gray: half of the companies of us are dead",
        policies=ALL,
        fault=dies(US, companies=2),
        answering={US, EU},
        gap=NEVER,
    ),
    Situation(
        title="Gray: more than half of the companies of us are dead",
        policies=ALL,
        fault=dies(US, companies=3),
        flags={"us": {US}, "eu": {US}},
        answering={EU},
        gap=FLAGGED + DNS,
        heals=BACK,
    ),
    Situation(
        title="Both clusters have failed themselves at once and are cut from each other",
        policies=ALL,
        fault=both_have_failed_themselves,
        flags={"us": {EU}, "eu": {US}},
        answering={US, EU},
        gap=FLAGGED,
        heals=BACK,
    ),
    Situation(
        title="All workloads are dead everywhere",
        policies=ALL,
        fault=all_of(dies(US), dies(EU)),
        answering={US, EU},
        gap=NEVER,
        heals=BACK,
    ),
]
