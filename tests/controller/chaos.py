"""Random faults, one after another, in random stacks."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

from runtime.controller.votes import REGION_WIDE
from tests.controller.simulation import Simulation, calm

REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2", "sa-east-1")


def random_layout(by: random.Random) -> dict[str, tuple[str, ...]]:
    """Two to five regions in one to five clusters."""
    regions = REGIONS[: by.randint(2, 5)]
    layout: dict[str, tuple[str, ...]] = {}
    for region in regions:
        cluster = f"cluster-{by.randrange(len(regions))}"
        layout[cluster] = (*layout.get(cluster, ()), region)
    return layout


def strike(simulation: Simulation, by: random.Random) -> None:
    """One more fault, or the end of one. Controllers restart; they do not stay away."""
    region, cluster = by.choice(simulation.regions), by.choice(sorted(simulation.clusters))
    match by.randrange(8):
        case 0:
            simulation.kill_workloads(region)
        case 1:
            simulation.revive_workloads(region)
        case 2:
            simulation.dead_edges ^= {region}
        case 3:
            simulation.cut(cluster, *(name for name in [region] if simulation.home[name] != cluster))
        case 4:
            simulation.part(cluster, by.choice(sorted(simulation.clusters)))
        case 5:
            simulation.lose_egress(cluster)
        case 6:
            simulation.cuts = {cut for cut in simulation.cuts if cut[0] != cluster}
        case 7:
            by.choice(simulation.clusters[cluster].replicas).restart(simulation.now)


def simulation_of(seed: int) -> tuple[Simulation, random.Random]:
    by = random.Random(seed)
    simulation = Simulation(random_layout(by), seed=seed, own_edges=by.random() < 0.8)
    simulation.run(30)
    return simulation, by


def unsettle(
    simulation: Simulation, by: random.Random, until: int = 600, each: Callable[[Simulation], None] = calm
) -> None:
    """Faults until that second, a few every 3 to 45 s."""
    while simulation.now < until:
        for _ in range(by.randint(1, 3)):
            strike(simulation, by)
        simulation.run(by.randint(3, 45), each)


@cache
def longest_shut(seed: int) -> int:
    """Seconds in a row in which every region that could serve had been failed by its own cluster."""
    simulation, by = simulation_of(seed)
    streaks = [0]
    unsettle(
        simulation,
        by,
        each=lambda simulation: streaks.append(streaks[-1] + 1 if _all_shut(simulation) else 0),
    )
    return max(streaks)


def _all_shut(simulation: Simulation) -> bool:
    company = next(iter(simulation.companies))
    living = [
        name
        for name in simulation.regions
        if (name, company) not in simulation.dead and name not in simulation.dead_edges
    ]
    return bool(living) and all(
        name in simulation.clusters[simulation.home[name]].flags.get(REGION_WIDE, ()) for name in living
    )
