"""The cluster that the controllers act on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cluster.control_plane import ControlPlane
from tests.controller.acting.deployed import Cluster
from tests.controller.acting.replicas import Controllers, companies, controllers, populate
from tests.controller.acting.workloads import Workloads, pretended
from tests.services import until


@pytest.fixture(scope="session")
def installed(control_plane: ControlPlane) -> Cluster:
    return Cluster(control_plane)


@pytest.fixture
def cluster(installed: Cluster) -> Iterator[Cluster]:
    """Nothing flagged, nobody leading; the companies of a test go with it."""
    installed.reset()
    try:
        yield installed
    finally:
        installed.clean()


@pytest.fixture
def workloads(tmp_path: Path) -> Iterator[Workloads]:
    with pretended(tmp_path) as found:
        yield found


@pytest.fixture
def names(cluster: Cluster, workloads: Workloads) -> tuple[str, ...]:
    found = cluster.fresh(3)
    populate(cluster, workloads, found)
    return found


@pytest.fixture
def two(
    cluster: Cluster, workloads: Workloads, names: tuple[str, ...], tmp_path: Path
) -> Iterator[Controllers]:
    """Two replicas that have looked around, one of them leading; everything serves."""
    with controllers(cluster, tmp_path / "controllers", workloads.hosts, companies(*names)) as found:
        for name in ("one", "other"):
            found.start(name)
        until(lambda: found.leader() is not None, "one leads")
        until(lambda: all(replica.ready() for replica in found.replicas), "both are ready")
        yield found
