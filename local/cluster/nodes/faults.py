"""Faults of a region: its node stops, or its network is cut. Raises NodeError when there is no such node."""

from __future__ import annotations

from pathlib import Path

from local.cluster import network
from local.cluster.model import Network
from local.cluster.nodes import lifecycle
from local.machine.files import Progress
from local.machine.processes import Processes


def stop(state: Path, region: str) -> None:
    """As a power failure: no process of the node ends in order."""
    Processes(state).stop([lifecycle.load(state, region).name])


def start(state: Path, region: str, progress: Progress) -> None:
    lifecycle.run(state, region, progress)


def cut(state: Path, region: str) -> None:
    """Cut the region's node, pods and load balancers off from everything else."""
    network.cut(_network(state, region), region)


def reconnect(state: Path, region: str) -> None:
    network.reconnect(_network(state, region), region)


def _network(state: Path, region: str) -> Network:
    return lifecycle.load(state, region).network
