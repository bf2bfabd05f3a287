"""Addresses of accelerators on this machine, by DNS name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path

from local.cluster.model import Network
from local.machine.files import write_atomically

PREFIX_LENGTH = 24


def network_of(network: Network) -> str:
    """The network of all accelerators' addresses: that of a region's load balancers with the number 0, which
    no region has."""
    return str(next(ip_network(network.balancers).subnets(new_prefix=PREFIX_LENGTH)))


def inside(network: Network) -> str:
    """The address at which load balancers see the accelerators, between the host's and those of nodes."""
    return str(ip_network(network.cidr)[2])


def veth(network: Network) -> str:
    """The host's end of the accelerators' veth pair."""
    return f"{network.bridge}a"


def publish(state: Path, addresses: Mapping[str, Sequence[str]]) -> None:
    """Store the addresses of each accelerator."""
    if addresses != find(state):
        write_atomically(_file(state), json.dumps(addresses))


def find(state: Path) -> dict[str, list[str]]:
    """The addresses of each accelerator; empty without accelerators."""
    file = _file(state)
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def _file(state: Path) -> Path:
    return state / "accelerators.json"
