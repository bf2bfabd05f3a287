"""Faults of a region: a node stops, or its network is cut. Raises NodeError when there is no such node."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from local.cluster import network
from local.cluster.model import Network, zones_of
from local.cluster.nodes import lifecycle
from local.machine.files import Progress
from local.machine.processes import Processes


def stop(state: Path, zones: Iterable[str]) -> None:
    """As a power failure: no process of the zones' nodes ends in order."""
    Processes(state).stop([lifecycle.load(state, zone).name for zone in zones])


def start(state: Path, zones: Iterable[str], progress: Progress) -> None:
    for zone in zones:
        lifecycle.run(state, zone, progress)


def cut(state: Path, region: str) -> None:
    """Cut the region's nodes, pods and load balancers off from everything else."""
    network.cut(*_links(state, region))


def reconnect(state: Path, region: str) -> None:
    network.reconnect(*_links(state, region))


def _links(state: Path, region: str) -> tuple[Network, str, Sequence[str]]:
    first = lifecycle.load(state, zones_of(region)[0])
    return first.network, region, lifecycle.zones_with_nodes(state, region)
