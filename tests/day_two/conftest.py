"""The running stack, one for all tests of this folder, and the deployments that several tests look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.machine.processes import Processes
from tests.components.stacks import EU, IMAGE
from tests.day_two import flags
from tests.day_two.clusters import Clusters
from tests.day_two.plans import Plan
from tests.day_two.running import Running
from tests.day_two.stacks import BASE, INITECH, edited, region
from tests.strategies import Raw

NEXT = edited(BASE, images={"agency": f"{IMAGE}-next"})


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    state = tmp_path_factory.mktemp("running")
    clusters = Clusters(state / "clusters", commands=state / "bin")
    try:
        yield Running(state, clusters)
    finally:
        clusters.stop()
        Processes(state).stop_all()


@dataclass(frozen=True)
class Outage:
    """Deployments while a region is flagged, one after another; `flags`: what stood in them after each."""

    nothing: Plan
    image: Plan
    programs: Plan
    much: Plan
    flags: list[dict[str, Any]]


@pytest.fixture(scope="package")
def outage(running: Running) -> Outage:
    seen = list[dict[str, Any]]()

    def up(raw: Raw, *programs: str, refresh: bool = False) -> Plan:
        done = running.up(raw, *programs, refresh=refresh)
        seen.append(flags.written(running))
        return done

    much = edited(BASE, region(EU, active=False), replication={"syncInterval": 5})
    much["companies"].append({"name": INITECH})
    running.at(BASE)
    flags.write(running)
    return Outage(
        nothing=up(BASE, refresh=True),
        image=up(NEXT),
        programs=up(NEXT, "gate", "failover_controller"),
        much=up(much, refresh=True),
        flags=seen,
    )
