"""Two clusters: a controller reads the other's page from its edge, over HTTPS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.components.stacks import EU, US
from tests.controller.acting.deployed import Cluster
from tests.controller.acting.edge import Edge, edge
from tests.controller.acting.replicas import Controllers, Replica, companies, controllers
from tests.controller.acting.workloads import Workloads
from tests.services import until

NOWHERE = {"KUBERNETES_API": "https://127.0.0.1:9"}
"""These controllers probe and publish pages; other tests show what controllers do then."""


@contextmanager
def first(cluster: Cluster, workloads: Workloads, folder: Path, names: tuple[str, ...]) -> Iterator[Edge]:
    """The cluster of US, behind its edge."""
    settings = {"cluster": "first", "regions": [US]}
    with controllers(cluster, folder / "first", workloads.hosts, companies(*names), **settings) as found:
        found.environment = NOWHERE
        replica = found.start("first")
        until(replica.ready, "the first has looked around")
        with edge(folder / "edge", replica) as edge_proxy:
            yield edge_proxy


@contextmanager
def second(
    cluster: Cluster, workloads: Workloads, folder: Path, names: tuple[str, ...], edge_proxy: Edge
) -> Iterator[Controllers]:
    """The cluster of EU, which knows the other's edge."""
    settings = {"cluster": "second", "regions": [EU], "peers": {US: edge_proxy.url(US)}}
    with controllers(cluster, folder / "second", workloads.hosts, companies(*names), **settings) as found:
        yield found


def seen(replica: Replica, region: str) -> dict[str, Any]:
    return dict((replica.status().get("round") or {}).get("regions", {}).get(region) or {})


def test_a_page_is_read_over_one_kept_connection_and_says_what_the_other_saw(
    cluster: Cluster, workloads: Workloads, tmp_path: Path
) -> None:
    names = cluster.fresh(2)
    for name in names:
        for region in (US, EU):
            workloads.add(region, name)
    with (
        first(cluster, workloads, tmp_path, names) as edge_proxy,
        second(cluster, workloads, tmp_path, names, edge_proxy) as found,
    ):
        found.environment = {**NOWHERE, "SSL_CERT_FILE": str(edge_proxy.authority)}
        replica = found.start("second")
        until(lambda: seen(replica, US).get("serving") is True, "it sees that the other serves")
        assert seen(replica, US) | {"reached": True, "home": False, "sampled": 2} == seen(replica, US)
        workloads.down(US)
        until(lambda: seen(replica, US).get("failed") == 2, "it learns of the outage there")
        assert seen(replica, US)["reached"] is True
        until(lambda: len(edge_proxy.requests) > 5, "it goes on reading")
        assert set(edge_proxy.requests) == {f"/peer/{US}"}
        assert edge_proxy.connections == 1, "one handshake for all of them"
        edge_proxy.behind.kill()
        until(
            lambda: seen(replica, US).get("reached") is False, "an edge without a controller is unreachable"
        )
        assert replica.status()["round"]["peers"] == {US: "HTTP 502"}


def test_an_edge_whose_certificate_nobody_vouches_for_is_not_believed(
    cluster: Cluster, workloads: Workloads, tmp_path: Path
) -> None:
    names = cluster.fresh(1)
    for region in (US, EU):
        workloads.add(region, names[0])
    with (
        first(cluster, workloads, tmp_path, names) as edge_proxy,
        second(cluster, workloads, tmp_path, names, edge_proxy) as found,
    ):
        found.environment = NOWHERE
        replica = found.start("second")
        until(replica.ready, "it has looked around")
        until(lambda: "CERTIFICATE_VERIFY_FAILED" in replica.status()["round"]["peers"][US], "it says why")
        assert edge_proxy.requests == []
        assert seen(replica, US)["reached"] is False
        assert seen(replica, EU)["serving"] is True
