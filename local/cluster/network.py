"""The host's part of the cluster's network: a bridge and the veth pairs of the nodes."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from local.cluster import egress
from local.cluster.model import PREFIX_LENGTH, Network, bridge_name
from local.machine.commands import ip
from local.machine.files import LocalError, write_atomically

FILE = "network.json"
CANDIDATES = tuple(f"10.{second}" for second in range(88, 120))


class NetworkError(LocalError):
    """The cluster's network could not be created."""


def ensure(state: Path, regions: Iterable[str]) -> Network:
    """Create the bridge with the host's address, unless it exists. Each region keeps its number."""
    network = _network(state, regions)
    if not _exists(network.bridge):
        ip(f"link add {network.bridge} type bridge")
    ip(f"addr replace {network.host}/{PREFIX_LENGTH} dev {network.bridge}")
    ip(f"link set {network.bridge} up")
    ip(f"route replace {network.balancers} dev {network.bridge}")
    egress.open_for(network, state)
    return network


def remove(state: Path) -> None:
    """Remove the bridge with its addresses and routes, and the packet filter rules."""
    if network := load(state):
        egress.close_for(network, state)
    if _exists(bridge_name(state)):
        ip(f"link delete {bridge_name(state)}")


def load(state: Path) -> Network | None:
    """The network of this state folder's nodes; None without nodes."""
    file = state / FILE
    if not file.exists():
        return None
    return Network(bridge=bridge_name(state), **json.loads(file.read_text()))


def cut(network: Network, region: str, zones: Iterable[str]) -> None:
    """Cut the nodes of these zones, their pods and the region's load balancers off from everything else."""
    _set_links(network, region, zones, "down")


def reconnect(network: Network, region: str, zones: Iterable[str]) -> None:
    _set_links(network, region, zones, "up")


def _set_links(network: Network, region: str, zones: Iterable[str], state: str) -> None:
    for veth in (*map(network.veth, zones), network.balancers_veth(region)):
        ip(f"link set {veth} {state}")


def _network(state: Path, regions: Iterable[str]) -> Network:
    """The state folder's network, or an unused network of this machine, with a number for each region."""
    before = load(state)
    prefix, numbers = (before.prefix, dict(before.numbers)) if before else (_free_prefix(), {})
    for region in sorted(set(regions) - numbers.keys()):
        numbers[region] = max(numbers.values(), default=0) + 1
    write_atomically(state / FILE, json.dumps({"prefix": prefix, "numbers": numbers}))
    return Network(prefix=prefix, bridge=bridge_name(state), numbers=numbers)


def _free_prefix() -> str:
    used = [ipaddress.ip_network(route["dst"]) for route in _routes() if "/" in route["dst"]]
    for prefix in CANDIDATES:
        candidate = Network(prefix=prefix, bridge="", numbers={})
        networks = map(ipaddress.ip_network, (candidate.cidr, candidate.balancers))
        if not any(network.overlaps(other) for network in networks for other in used):
            return prefix
    raise NetworkError(
        f"every network from {CANDIDATES[0]}.0.0/16 to {CANDIDATES[-1]}.0.0/16 is in use on this machine"
    )


def _exists(link: str) -> bool:
    return Path("/sys/class/net", link).exists()


def _routes() -> list[dict[str, Any]]:
    return list(json.loads(ip("-json route") or "[]"))
