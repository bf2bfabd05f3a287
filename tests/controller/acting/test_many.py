"""500 companies: how long until each has the flag, and what happens when the leader dies amid them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from runtime.controller.config import load_config
from tests.components.stacks import US
from tests.controller.acting.deployed import Cluster
from tests.controller.acting.replicas import SECRET, Replica, companies, controllers
from tests.controller.acting.workloads import Workloads
from tests.services import until

COMPANIES = 500
LIMIT = 600.0
"""Seconds to wait: the API server takes 15 ms of CPU for a pod, on a machine that has other work."""


def seconds(leader: Replica, event: str) -> float:
    """From the decision to what the leader logged."""
    decided, done = (leader.lines(one)[-1]["at"] for one in ("changing-flags", event))
    return (datetime.fromisoformat(done) - datetime.fromisoformat(decided)).total_seconds()


@pytest.mark.slow
def test_all_are_flagged_and_a_leader_that_dies_amid_them_is_replaced(
    cluster: Cluster, workloads: Workloads, tmp_path: Path, record_property: Any
) -> None:
    names = cluster.fresh(COMPANIES, "many")
    cluster.add(names, pods=1)
    folder = tmp_path / "controllers"
    with controllers(cluster, folder, workloads.hosts, companies(*names)) as found:
        config = load_config(folder / "settings", SECRET)
        for region, sample in config.samples.items():
            for name in sample:
                workloads.add(region, name)
        found.start("one")
        found.start("other")
        leader = found.settled()

        workloads.down(US)
        # Asking the API server meanwhile would be part of what is measured.
        until(lambda: leader.lines("pods-touched") != [], "the leader is through", LIMIT)
        for event in ("tenants-flagged", "pods-touched"):
            record_property(event, round(seconds(leader, event), 1))
            print(f"{COMPANIES} companies: {event} {seconds(leader, event):.1f} s after the decision")
        assert set(cluster.all_flags(names).values()) == {US}, "every company has the flag"
        assert len(cluster.all_touched(names)) == 1, "every pod is touched"

        flagged = cluster.all_touched(names)
        workloads.up(US)
        until(lambda: set(cluster.all_flags(names).values()) == {US, ""}, "the leader is amid them", LIMIT)
        leader.kill()
        assert set(cluster.all_flags(names).values()) == {US, ""}, "some are cleared, some are not"
        (other,) = (replica for replica in found.replicas if replica is not leader)
        until(other.leads, "the other one leads")
        until(lambda: other.lines("pods-touched") != [], "the next leader clears the rest", LIMIT)
        assert set(cluster.all_flags(names).values()) == {""}
        assert not flagged & cluster.all_touched(names), "and touched their pods"
        assert cluster.flags() == []
