"""Several controllers under random faults and timings: what must hold whatever happens."""

from __future__ import annotations

import pytest

from plan.records import RoutingPolicy
from runtime.controller.decide import recovery_bound
from tests.controller.chaos import longest_shut, unsettle, world_of
from tests.controller.simulation import INTERVAL, READINESS_SECONDS, Moment, World
from tests.controller.situations import EU, THREE, TWO, US
from tests.controller.splitbrain import HISTORIES

RECOVERY_WINDOW = 3 * INTERVAL + 2 * INTERVAL
"""Seconds: the rounds of a recovery, and the round and the page that they begin with."""


def seconds_until(world: World, cluster: str, region: str, *, flagged: bool = True) -> int:
    began = world.now
    while (region in world.clusters[cluster].flags.get("", frozenset())) is not flagged:
        world.run(1)
        assert world.now - began < 600, "never"
    return world.now - began


@pytest.mark.parametrize("seed", HISTORIES)
def test_regions_that_could_serve_are_never_all_failed_for_longer_than_a_recovery(seed: int) -> None:
    assert longest_shut(seed) <= RECOVERY_WINDOW


@pytest.mark.parametrize("seed", range(1000, 1020))
def test_whatever_happened_all_is_well_again_after_it(seed: int) -> None:
    world, by = world_of(seed)
    unsettle(world, by)
    world.heal()
    settings = next(iter(world.clusters.values())).settings
    world.run((recovery_bound(settings) + 3) * INTERVAL)
    assert not any(cluster.flags for cluster in world.clusters.values())
    world.run(READINESS_SECONDS + 60)
    assert not world.history[-1].unanswered
    assert world.history[-1].answering[RoutingPolicy.FAILOVER] == {world.regions[0]}


@pytest.mark.parametrize("seed", range(100))
def test_a_region_that_dies_is_flagged_in_its_own_cluster_within_20_seconds(seed: int) -> None:
    world = World(TWO if seed % 2 else THREE, seed=seed)
    world.run(30 + seed % INTERVAL)
    world.kill_workloads(US)
    assert seconds_until(world, "us", US) <= 20


@pytest.mark.parametrize("seed", range(100))
def test_a_region_that_is_gone_is_flagged_in_the_other_clusters_within_20_seconds(seed: int) -> None:
    world = World(TWO, seed=seed)
    world.run(30 + seed % INTERVAL)
    world.kill_workloads(US)
    world.dead_edges.add(US)
    world.kill_controller("us")
    assert seconds_until(world, "eu", US) <= 20


@pytest.mark.parametrize("seed", range(20))
def test_a_region_that_is_back_is_cleared_within_the_same_time(seed: int) -> None:
    world = World(TWO, seed=seed)
    world.run(30 + seed % INTERVAL)
    world.kill_workloads(US)
    seconds_until(world, "us", US)
    world.run(60)
    world.revive_workloads(US)
    assert seconds_until(world, "us", US, flagged=False) <= 20


@pytest.mark.parametrize("seed", range(10))
def test_the_death_of_a_dedicated_company_moves_that_company_alone(seed: int) -> None:
    world = World(TWO, seed=seed, dedicated=2)
    world.run(30)
    world.kill_workloads(US, ["company-4"])
    world.run(120)
    for cluster in world.clusters.values():
        assert cluster.flags == {"company-4": frozenset({US})}
    assert told(world, "company-4") == {EU}
    assert told(world, "company-5") == told(world, "company-0") == {US}


@pytest.mark.parametrize("seed", range(10))
def test_a_dedicated_company_that_lives_stays_where_the_others_die(seed: int) -> None:
    world = World(TWO, seed=seed, dedicated=1)
    world.run(30)
    world.kill_workloads(US, ["company-0", "company-1", "company-2"])
    world.run(120)
    assert told(world, "company-4") == {US} and told(world, "company-0") == {EU}
    assert not any(company == "company-4" for _, company in world.history[-1].unanswered)


def told(world: World, company: str) -> set[str]:
    callers = [each for each in world.dns.callers if each.company == company]
    return {name for each in callers if each.policy is RoutingPolicy.FAILOVER for name in each.told}


@pytest.mark.parametrize("seed", range(20))
def test_leaders_that_come_and_go_do_not_make_a_flag_flap(seed: int) -> None:
    world = World(TWO, seed=seed)
    world.run(30)
    world.kill_workloads(US)
    for turn in range(8):
        world.kill_replica("us", turn % 2)
        world.run(20)
        revived = world.clusters["us"].replicas[turn % 2]
        revived.restart()
        revived.alive = True
    world.run(60)
    assert changes(world.history, "us") == [frozenset(), frozenset({US})]


@pytest.mark.parametrize("seed", range(20))
def test_reads_that_fail_twice_in_a_row_now_and_then_flag_nobody(seed: int) -> None:
    world = World(THREE, seed=seed)
    by = world.random

    def blip(world: World) -> None:
        if world.now % (4 * INTERVAL) == 0:
            cluster, region = by.choice(sorted(world.clusters)), by.choice(world.regions)
            world.cuts = {(cluster, region)}
            world.dead = {(by.choice(world.regions), company) for company in world.companies}
        elif world.now % (4 * INTERVAL) == 2 * INTERVAL:
            world.cuts, world.dead = set(), set()

    world.run(30)
    world.run(600, blip)
    for cluster in world.clusters:
        assert changes(world.history, cluster) == [frozenset()]


def changes(history: list[Moment], cluster: str) -> list[frozenset[str]]:
    flags = [moment.flagged(cluster) for moment in history]
    return [each for number, each in enumerate(flags) if not number or each != flags[number - 1]]
