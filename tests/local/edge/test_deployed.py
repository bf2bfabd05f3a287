"""An edge with a real API server: what it routes, how fast it follows, and what it does without the API."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.control_plane import ControlPlane
from tests.local.edge.backends import LOOPBACK, Backend, answering, closed_port
from tests.local.edge.deployed import Cluster, Edge, Relay, own_address, ready, running
from tests.local.edge.objects import EU, US, endpoint_slice, ingress, service
from tests.runtime.test_rules import others
from tests.services import until

FLIP_SECONDS = 1.0
"""From when the API server has it."""


@pytest.fixture(scope="module")
def cluster(control_plane: ControlPlane) -> Cluster:
    return Cluster(control_plane)


@pytest.fixture(scope="module")
def edge(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with running(cluster, tmp_path_factory.mktemp("edge")) as found:
        ready(found)
        yield found


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    return cluster.namespace()


@pytest.fixture(scope="module")
def one() -> Iterator[Backend]:
    with answering("one", own_address()) as found:
        yield found


@pytest.fixture(scope="module")
def other() -> Iterator[Backend]:
    with answering("other", own_address()) as found:
        yield found


def test_hosts_and_paths_lead_where_ingresses_say(
    cluster: Cluster, edge: Edge, namespace: str, one: Backend, other: Backend
) -> None:
    host = f"{namespace}.test"
    made = ingress(
        "paths", ("/", "Prefix", "root"), ("/deep", "Prefix", "deep"), host=host, namespace=namespace
    )
    by_number = ingress("number", ("/number", "Prefix", "deep"), host=host, namespace=namespace, port=80)
    cluster.put(
        made,
        by_number,
        service("deep", port=80, namespace=namespace),
        endpoint_slice("root", one, namespace=namespace),
        endpoint_slice("deep", other, namespace=namespace),
    )
    until(lambda: edge.get("/number", host)[0] == 200, "all of it is seen")
    for path, answer in (("/", "one"), ("/deeper", "one"), ("/deep/x?y", "other"), ("/number", "other")):
        assert edge.get(path, host) == (200, answer)
    assert edge.get("/", f"no-{host}")[0] == 404


def test_an_ingress_without_a_host_is_for_every_host_that_has_none(
    cluster: Cluster, edge: Edge, namespace: str, one: Backend
) -> None:
    path = f"/healthz/{namespace}"
    made = ingress("edge", (path, "Prefix", "controller"), host=None, namespace=namespace, port="http")
    cluster.put(made, endpoint_slice("controller", one, namespace=namespace, port_name="http"))
    until(lambda: edge.get(path, "10.88.0.11:8080")[0] == 200, "it is seen")
    assert edge.get(f"{path}/acme", f"{US}.agency.test") == (200, "one")
    cluster.remove(made)
    until(lambda: edge.get(path, "10.88.0.11:8080")[0] == 404, "it is gone", FLIP_SECONDS * 60)


def test_ingresses_of_other_regions_and_controllers_are_nobody_s_here(
    cluster: Cluster, edge: Edge, namespace: str, one: Backend
) -> None:
    cluster.put(endpoint_slice("agent", one, namespace=namespace))
    others = [
        ingress("eu", host="eu.test", namespace=namespace, region=EU),
        ingress("none", host="none.test", namespace=namespace, region=None),
        ingress("alb", host="alb.test", namespace=namespace, class_name="alb"),
    ]
    mine = ingress("us", host=f"{namespace}.test", namespace=namespace)
    cluster.put(*others, mine)
    until(lambda: edge.get("/", f"{namespace}.test")[0] == 200, "what was made last is seen")
    assert [edge.get("/", host)[0] for host in ("eu.test", "none.test", "alb.test")] == [404] * 3
    until(lambda: bool(cluster.addresses(mine)), "its own has an address")
    assert [cluster.addresses(theirs) for theirs in others] == [[], [], []]


def flips(edge: Edge, host: str, wanted: tuple[int, str]) -> float:
    """Seconds until it answers so."""
    began = time.monotonic()
    until(lambda: edge.get("/", host)[0] == wanted[0] and wanted[1] in edge.get("/", host)[1], str(wanted))
    return time.monotonic() - began


def test_only_ready_endpoints_get_requests_and_a_change_counts_within_a_second(
    cluster: Cluster, edge: Edge, namespace: str, one: Backend, other: Backend
) -> None:
    host = f"{namespace}.test"
    cluster.put(ingress("agent", host=host, namespace=namespace))
    states = {
        "none": (False, False, (503, f"{US}: {namespace}/agent:agent has no ready endpoint")),
        "one": (True, False, (200, "one")),
        "other": (False, True, (200, "other")),
    }
    flips(edge, host, (503, ""))
    took = []
    for name in ("one", "other", "none", "other", "one", "none"):
        first, second, wanted = states[name]
        cluster.put(
            endpoint_slice("agent", one, name="agent-1", namespace=namespace, ready=first),
            endpoint_slice("agent", other, name="agent-2", namespace=namespace, ready=second),
        )
        took.append(flips(edge, host, wanted))
    # A machine that is busy may hold one of them up, but not most.
    assert sorted(took)[2] < FLIP_SECONDS, took


def test_an_endpoint_that_refuses_is_502(cluster: Cluster, edge: Edge, namespace: str) -> None:
    host, address = f"{namespace}.test", own_address()
    where = (address, closed_port(address))
    cluster.put(
        ingress("agent", host=host, namespace=namespace), endpoint_slice("agent", where, namespace=namespace)
    )
    until(lambda: edge.get("/", host)[0] == 502, "it is tried")
    assert f"{namespace}/agent:agent takes no connection" in edge.get("/", host)[1]


def test_its_ingresses_say_its_address_also_after_somebody_else_wrote_another(
    cluster: Cluster, edge: Edge, namespace: str
) -> None:
    made = ingress("agent", host=f"{namespace}.test", namespace=namespace)
    cluster.put(made)
    until(lambda: _only(cluster, made), "written")
    cluster.set_addresses(made, "192.0.2.1", "192.0.2.9")
    until(lambda: _only(cluster, made), "written again")


def _only(cluster: Cluster, made: dict[str, object]) -> bool:
    return [one["ip"] for one in cluster.addresses(made)] == [LOOPBACK]


def test_without_the_api_it_serves_what_it_knows_and_catches_up_afterwards(
    cluster: Cluster, namespace: str, one: Backend, other: Backend, tmp_path: Path
) -> None:
    host, late = f"{namespace}.test", f"late-{namespace}.test"
    made = ingress("agent", host=host, namespace=namespace)
    cluster.put(made, endpoint_slice("agent", one, namespace=namespace))
    relay = Relay(cluster.control_plane.server)
    relay.close()
    with running(cluster, tmp_path / "edge", url=relay.url) as edge:
        until(lambda: edge.page("/live") == 200, "it runs")
        assert edge.page("/ready") == 503
        assert edge.get("/", host) == (0, ""), "it knows nothing yet, and says nothing wrong"
        relay.open()
        ready(edge)
        assert edge.get("/", host) == (200, "one")
        relay.close()
        until(lambda: "api-away" in edge.log.read_text().partition("serving")[2], "it has noticed")
        cluster.put(
            endpoint_slice("agent", other, namespace=namespace),
            ingress("late", host=late, namespace=namespace),
        )
        for _ in range(20):
            assert edge.get("/", host) == (200, "one")
            assert edge.get("/", late)[0] == 404
        assert (edge.page("/live"), edge.page("/ready")) == (200, 200)
        relay.open()
        until(lambda: edge.get("/", host) == (200, "other") == edge.get("/", late), "it has caught up")
        assert edge.stop() == 0
    relay.close()


def test_it_runs_in_each_python_that_this_machine_has(
    cluster: Cluster, namespace: str, one: Backend, tmp_path: Path
) -> None:
    host = f"{namespace}.test"
    made = [
        ingress("agent", host=host, namespace=namespace),
        endpoint_slice("agent", one, namespace=namespace),
    ]
    cluster.put(*made)
    for number, python in enumerate([sys.executable, *others()]):
        with running(cluster, tmp_path / str(number), python=python) as edge:
            ready(edge)
            assert edge.get("/", host) == (200, "one")
            assert edge.stop() == 0
            lines = edge.log.read_text().splitlines()
            assert all(line.startswith('{"at"') for line in lines), "no warning of Python's"
