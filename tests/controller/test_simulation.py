"""Several controllers under random faults and timings: what must hold whatever happens."""

from __future__ import annotations

import pytest

from plan.records import RoutingPolicy
from runtime.controller.decide import recovery_bound
from tests.controller.chaos import longest_shut, simulation_of, unsettle
from tests.controller.simulation import INTERVAL, READINESS_SECONDS, Moment, Simulation
from tests.controller.situations import EU, THREE, TWO, US
from tests.controller.splitbrain import HISTORIES

RECOVERY_WINDOW = 3 * INTERVAL + 2 * INTERVAL
"""Seconds: the rounds of a recovery, and the round and the page that they begin with."""


def seconds_until(simulation: Simulation, cluster: str, region: str, *, flagged: bool = True) -> int:
    began = simulation.now
    while (region in simulation.clusters[cluster].flags.get("", frozenset())) is not flagged:
        simulation.run(1)
        assert simulation.now - began < 600, "never"
    return simulation.now - began


@pytest.mark.parametrize("seed", HISTORIES)
def test_regions_that_could_serve_are_never_all_failed_for_longer_than_a_recovery(seed: int) -> None:
    assert longest_shut(seed) <= RECOVERY_WINDOW


@pytest.mark.parametrize("seed", range(1000, 1020))
def test_whatever_happened_all_is_well_again_after_it(seed: int) -> None:
    simulation, by = simulation_of(seed)
    unsettle(simulation, by)
    simulation.heal()
    settings = next(iter(simulation.clusters.values())).settings
    simulation.run((recovery_bound(settings) + 3) * INTERVAL)
    assert not any(cluster.flags for cluster in simulation.clusters.values())
    simulation.run(READINESS_SECONDS + 60)
    assert not simulation.history[-1].unanswered
    assert simulation.history[-1].answering[RoutingPolicy.FAILOVER] == {simulation.regions[0]}


@pytest.mark.parametrize("seed", range(100))
def test_a_region_that_dies_is_flagged_in_its_own_cluster_within_20_seconds(seed: int) -> None:
    simulation = Simulation(TWO if seed % 2 else THREE, seed=seed)
    simulation.run(30 + seed % INTERVAL)
    simulation.kill_workloads(US)
    assert seconds_until(simulation, "us", US) <= 20


@pytest.mark.parametrize("seed", range(100))
def test_a_region_that_is_gone_is_flagged_in_the_other_clusters_within_20_seconds(seed: int) -> None:
    simulation = Simulation(TWO, seed=seed)
    simulation.run(30 + seed % INTERVAL)
    simulation.kill_workloads(US)
    simulation.dead_edges.add(US)
    simulation.kill_controller("us")
    assert seconds_until(simulation, "eu", US) <= 20


@pytest.mark.parametrize("seed", range(20))
def test_a_region_that_is_back_is_cleared_within_the_same_time(seed: int) -> None:
    simulation = Simulation(TWO, seed=seed)
    simulation.run(30 + seed % INTERVAL)
    simulation.kill_workloads(US)
    seconds_until(simulation, "us", US)
    simulation.run(60)
    simulation.revive_workloads(US)
    assert seconds_until(simulation, "us", US, flagged=False) <= 20


@pytest.mark.parametrize("seed", range(10))
def test_the_death_of_a_dedicated_company_moves_that_company_alone(seed: int) -> None:
    simulation = Simulation(TWO, seed=seed, dedicated=2)
    simulation.run(30)
    simulation.kill_workloads(US, ["company-4"])
    simulation.run(120)
    for cluster in simulation.clusters.values():
        assert cluster.flags == {"company-4": frozenset({US})}
    assert regions_answered(simulation, "company-4") == {EU}
    assert regions_answered(simulation, "company-5") == regions_answered(simulation, "company-0") == {US}


@pytest.mark.parametrize("seed", range(10))
def test_a_dedicated_company_that_lives_stays_where_the_others_die(seed: int) -> None:
    simulation = Simulation(TWO, seed=seed, dedicated=1)
    simulation.run(30)
    simulation.kill_workloads(US, ["company-0", "company-1", "company-2"])
    simulation.run(120)
    assert regions_answered(simulation, "company-4") == {US} and regions_answered(
        simulation, "company-0"
    ) == {EU}
    assert not any(company == "company-4" for _, company in simulation.history[-1].unanswered)


def regions_answered(simulation: Simulation, company: str) -> set[str]:
    callers = [each for each in simulation.dns.callers if each.company == company]
    return {name for each in callers if each.policy is RoutingPolicy.FAILOVER for name in each.regions_known}


@pytest.mark.parametrize("seed", range(20))
def test_leaders_that_come_and_go_do_not_make_a_flag_flap(seed: int) -> None:
    simulation = Simulation(TWO, seed=seed)
    simulation.run(30)
    simulation.kill_workloads(US)
    for turn in range(8):
        simulation.kill_replica("us", turn % 2)
        simulation.run(20)
        revived = simulation.clusters["us"].replicas[turn % 2]
        revived.restart(simulation.now)
        revived.alive = True
    simulation.run(60)
    assert changes(simulation.history, "us") == [frozenset(), frozenset({US})]


@pytest.mark.parametrize("seed", range(20))
def test_reads_that_fail_twice_in_a_row_now_and_then_flag_nobody(seed: int) -> None:
    simulation = Simulation(THREE, seed=seed)
    by = simulation.random

    def blip(simulation: Simulation) -> None:
        if simulation.now % (4 * INTERVAL) == 0:
            cluster, region = by.choice(sorted(simulation.clusters)), by.choice(simulation.regions)
            simulation.cuts = {(cluster, region)}
            simulation.dead = {(by.choice(simulation.regions), company) for company in simulation.companies}
        elif simulation.now % (4 * INTERVAL) == 2 * INTERVAL:
            simulation.cuts, simulation.dead = set(), set()

    simulation.run(30)
    simulation.run(600, blip)
    for cluster in simulation.clusters:
        assert changes(simulation.history, cluster) == [frozenset()]


def changes(history: list[Moment], cluster: str) -> list[frozenset[str]]:
    flags = [moment.flagged(cluster) for moment in history]
    return [each for number, each in enumerate(flags) if not number or each != flags[number - 1]]


@pytest.mark.parametrize("seed", range(20))
def test_clusters_that_get_each_other_s_public_pages_alone_flag_the_dead_and_nobody_else(seed: int) -> None:
    """In a rollout across clusters, or while a new key is on its way: in both directions, or in one."""
    simulation = Simulation(TWO, seed=seed, dedicated=1)
    simulation.run(30)
    simulation.public_only = (
        {("us", "eu"), ("eu", "us"), ("us", "us"), ("eu", "eu")} if seed % 2 else {("us", "eu")}
    )
    simulation.run(120)
    assert not any(changes(simulation.history, cluster)[1:] for cluster in simulation.clusters)
    simulation.kill_workloads(US)
    assert seconds_until(simulation, "us", US) <= 20
    simulation.run(30)
    assert {name: cluster.flags[""] for name, cluster in simulation.clusters.items()} == {
        "us": {US}, "eu": {US}
    }  # fmt: skip
    simulation.public_only = set()
    simulation.revive_workloads(US)
    simulation.run(120)
    assert not any(cluster.flags for cluster in simulation.clusters.values())
