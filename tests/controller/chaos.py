"""Random faults, one after another, in random stacks."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

from runtime.controller.votes import REGION_WIDE
from tests.controller.simulation import World, calm

REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2", "sa-east-1")


def random_layout(by: random.Random) -> dict[str, tuple[str, ...]]:
    """Two to five regions in one to five clusters."""
    regions = REGIONS[: by.randint(2, 5)]
    layout: dict[str, tuple[str, ...]] = {}
    for region in regions:
        cluster = f"cluster-{by.randrange(len(regions))}"
        layout[cluster] = (*layout.get(cluster, ()), region)
    return layout


def strike(world: World, by: random.Random) -> None:
    """One more fault, or the end of one. Controllers restart; they do not stay away."""
    region, cluster = by.choice(world.regions), by.choice(sorted(world.clusters))
    match by.randrange(8):
        case 0:
            world.kill_workloads(region)
        case 1:
            world.revive_workloads(region)
        case 2:
            world.dead_edges ^= {region}
        case 3:
            world.cut(cluster, *(name for name in [region] if world.home[name] != cluster))
        case 4:
            world.part(cluster, by.choice(sorted(world.clusters)))
        case 5:
            world.lose_way_out(cluster)
        case 6:
            world.cuts = {cut for cut in world.cuts if cut[0] != cluster}
        case 7:
            by.choice(world.clusters[cluster].replicas).restart()


def world_of(seed: int) -> tuple[World, random.Random]:
    by = random.Random(seed)
    world = World(random_layout(by), seed=seed, own_edges=by.random() < 0.8)
    world.run(30)
    return world, by


def unsettle(world: World, by: random.Random, until: int = 600, each: Callable[[World], None] = calm) -> None:
    """Faults until that second, a few every 3 to 45 s."""
    while world.now < until:
        for _ in range(by.randint(1, 3)):
            strike(world, by)
        world.run(by.randint(3, 45), each)


@cache
def longest_shut(seed: int) -> int:
    """Seconds in a row in which every region that could serve had been failed by its own cluster."""
    world, by = world_of(seed)
    streaks = [0]
    unsettle(world, by, each=lambda world: streaks.append(streaks[-1] + 1 if _all_shut(world) else 0))
    return max(streaks)


def _all_shut(world: World) -> bool:
    company = next(iter(world.companies))
    living = [
        name for name in world.regions if (name, company) not in world.dead and name not in world.dead_edges
    ]
    return bool(living) and all(
        name in world.clusters[world.home[name]].flags.get(REGION_WIDE, ()) for name in living
    )
