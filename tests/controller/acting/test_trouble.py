"""What happens to the flags while something else breaks, or changes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.cluster import control_plane as control_plane_service
from local.cluster.control_plane import API_SERVER, ControlPlane
from local.machine.processes import Processes
from tests.components.stacks import EU, US
from tests.controller.acting.deployed import REGIONS, SYSTEM, Cluster
from tests.controller.acting.replicas import Controllers, Replica, companies, controllers, populate
from tests.controller.acting.workloads import Workloads
from tests.services import until

AWAY_MILLISECONDS = 60_000


@contextmanager
def stopped(plane: ControlPlane) -> Iterator[None]:
    """Without an API server: connections to it hang at first, are refused later."""
    processes = Processes(plane.kubeconfig.parent)
    server = processes.find(API_SERVER)
    assert server is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)
        processes.stop([API_SERVER])
        control_plane_service.start(plane.kubeconfig.parent, print)


def probes_on(replica: Replica, since: int, milliseconds: int) -> None:
    until(lambda: replica.rounds() > since + milliseconds, f"{replica.name} goes on for {milliseconds} ms")


@pytest.mark.slow
def test_an_api_server_away_for_a_minute_loses_nothing(
    two: Controllers, cluster: Cluster, workloads: Workloads, names: tuple[str, ...]
) -> None:
    workloads.down(US)
    until(lambda: all(cluster.flags(name) == [US] for name in names), "a region is flagged before")
    until(
        lambda: all(US in replica.status()["flags"].get("", ()) for replica in two.replicas),
        "both have read it",
    )
    with stopped(cluster.control_plane):
        began = {replica.name: replica.rounds() for replica in two.replicas}
        workloads.up(US)
        until(
            lambda: all((replica.status().get("problems") or {}).get("api") for replica in two.replicas),
            "both miss the API",
        )
        asked = [it.asked for it in workloads.of()]
        for replica in two.replicas:
            probes_on(replica, began[replica.name], AWAY_MILLISECONDS)
            assert replica.get(f"/healthz/{US}")[0] == 503, "what was flagged stays so"
            assert replica.get(f"/healthz/{EU}")[0] == 200
            assert not replica.leads(), "nobody trusts a Lease that is not renewed"
        assert all(it.asked > before for it, before in zip(workloads.of(), asked, strict=True))
    until(lambda: cluster.flags() == [], "what was decided meanwhile is done")
    until(lambda: all(cluster.flags(name) == [] for name in names), "for every company")
    until(lambda: two.leader() is not None, "one leads again")
    workloads.down(EU)
    until(lambda: all(cluster.flags(name) == [EU] for name in names), "and the next outage is seen as ever")


def test_where_the_api_is_away_a_dead_region_s_health_path_says_so(
    cluster: Cluster, workloads: Workloads, tmp_path: Path
) -> None:
    """Started into the outage of its API: it knows the flags from the mounted folder, and probes."""
    names = cluster.fresh(2)
    for name in names:
        for region in REGIONS:
            workloads.add(region, name)
    with controllers(cluster, tmp_path / "alone", workloads.hosts, companies(*names)) as found:
        (tmp_path / "alone" / "flags").mkdir()
        (tmp_path / "alone" / "flags" / "failedRegions").write_text(EU)
        found.environment = {"KUBERNETES_API": "https://127.0.0.1:9"}
        replica = found.start("one")
        until(replica.ready, "it has looked around")
        assert replica.get(f"/healthz/{EU}")[0] == 503
        assert replica.get(f"/healthz/{US}")[0] == 200
        workloads.down(US)
        until(lambda: replica.get(f"/healthz/{US}")[0] == 503, "it saw that nothing answers there")


def test_a_flag_outlives_the_controllers(
    two: Controllers, cluster: Cluster, workloads: Workloads, names: tuple[str, ...]
) -> None:
    workloads.down(US)
    until(lambda: all(cluster.flags(name) == [US] for name in names), "the region is flagged")
    for replica in two.replicas:
        replica.kill()
    cluster.release()
    anew = two.start("anew")
    until(lambda: anew.get("/healthz/nowhere")[0] == 404, "it answers")
    until(lambda: anew.get(f"/healthz/{US}")[0] == 503, "it has read the flags")
    until(anew.leads, "it leads")
    probes_on(anew, anew.rounds(), 3000)
    assert cluster.flags() == [US]
    assert all(cluster.flags(name) == [US] for name in names)
    workloads.up(US)
    until(lambda: all(cluster.flags(name) == [] for name in names), "and clears it once the region serves")


def test_companies_come_and_go_while_it_runs(
    two: Controllers, cluster: Cluster, workloads: Workloads, names: tuple[str, ...]
) -> None:
    workloads.down(US)
    until(lambda: all(cluster.flags(name) == [US] for name in names), "the region is flagged")
    late, empty = cluster.fresh(2)
    cluster.add([late])
    cluster.add([empty], pods=0)
    two.configure(companies=companies(*names[:2], late, empty))
    until(lambda: cluster.flags(late) == [US], "the new company learns of it")
    until(lambda: cluster.flags(empty) == [US], "and one whose pods are not there yet")
    leader = two.leader()
    assert leader is not None
    until(lambda: leader.status()["pending"] == 0, "nothing is left to do")
    assert leader.status()["problems"]["namespaces"] == {}
    workloads.up(US)
    workloads.add(US, late)
    until(lambda: all(cluster.flags(name) == [] for name in (*names[:2], late)), "all are cleared")
    assert cluster.flags(names[2]) == [US], "one that left is none of its business"


def test_settings_that_cannot_be_read_leave_the_last_ones_in_force(
    two: Controllers, cluster: Cluster, workloads: Workloads, names: tuple[str, ...]
) -> None:
    (two.folder / "settings" / "settings.json").write_text("{")
    until(lambda: all(replica.status()["problems"]["settings"] for replica in two.replicas), "both say so")
    workloads.down(US)
    until(lambda: all(cluster.flags(name) == [US] for name in names), "an outage is flagged as before")


def test_a_company_without_its_config_map_is_reported_and_holds_nobody_up(
    two: Controllers, cluster: Cluster, workloads: Workloads, names: tuple[str, ...]
) -> None:
    broken, *others = names
    cluster.delete(cluster.flags_path(broken))
    workloads.down(US)
    until(lambda: all(cluster.flags(name) == [US] for name in others), "the others have the flag")
    leader = two.leader()
    assert leader is not None
    until(lambda: broken in leader.status()["problems"]["namespaces"], "it is reported")
    assert "not found" in leader.status()["problems"]["namespaces"][broken]
    assert leader.lines("tenant-problem")[0]["namespace"] == broken
    cluster.patch(cluster.flags_path(others[0]), {"data": {"failedRegions": EU}})
    until(lambda: cluster.flags(others[0]) == [US], "the others are still looked after")
    cluster.add([broken])
    until(lambda: cluster.flags(broken) == [US], "once it is there, it has the flag")
    until(lambda: leader.status()["problems"]["namespaces"] == {}, "and nothing is reported any more")


def test_what_somebody_else_changed_in_a_company_s_flags_does_not_stay(
    two: Controllers, cluster: Cluster, names: tuple[str, ...]
) -> None:
    two.settled()
    cluster.patch(cluster.flags_path(names[0]), {"data": {"failedRegions": EU}})
    until(lambda: cluster.flags(names[0]) == [], "it is as the system namespace says")


def test_a_company_with_checks_of_its_own_fails_alone(
    cluster: Cluster, workloads: Workloads, tmp_path: Path
) -> None:
    names = own, other = cluster.fresh(2)
    populate(cluster, workloads, names)
    with controllers(
        cluster, tmp_path / "controllers", workloads.hosts, companies(*names, dedicated=(own,))
    ) as found:
        replica = found.start("one")
        until(lambda: replica.leads() and replica.ready(), "it leads")
        workloads.down(US, own)
        until(lambda: cluster.flags(own) == [US], "it has the flag")
        assert cluster.flags(key="failedCompanies") == [f"{own} {US}"]
        assert cluster.flags() == cluster.flags(other) == []
        until(lambda: replica.get(f"/healthz/{US}/{own}")[0] == 503, "its own check is bad")
        assert replica.get(f"/healthz/{US}/{other}")[0] == replica.get(f"/healthz/{US}")[0] == 200
        workloads.up(US, own)
        until(lambda: cluster.flags(own) == [], "it is cleared")
        assert cluster.flags(key="failedCompanies") == []


@pytest.mark.parametrize("gray", ["slow", "wrong"])
def test_a_gray_failure_is_a_failure(
    two: Controllers, cluster: Cluster, workloads: Workloads, names: tuple[str, ...], gray: str
) -> None:
    assert len(two.replicas) == 2
    for workload in workloads.of(US):
        workload.status, workload.delay = (500, 0.0) if gray == "wrong" else (200, 30.0)
    until(lambda: all(cluster.flags(name) == [US] for name in names), "the region is flagged")
    assert SYSTEM not in names
