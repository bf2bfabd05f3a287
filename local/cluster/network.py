"""The host's part of a cluster's network: a bridge, and the cables of the nodes."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from local.cluster import egress
from local.cluster.model import PREFIX_LENGTH, Network, bridge_name
from local.machine.files import LocalError, write_atomically

FILE = "network.json"
CANDIDATES = tuple(f"10.{second}" for second in range(88, 120))


class NetworkError(LocalError):
    """The cluster's network could not be made."""


def ensure(state: Path, regions: Iterable[str]) -> Network:
    """The cluster's bridge with the host's address. The network remembers each region's number."""
    network = _planned(state, regions)
    if not _is_there(network.bridge):
        _ip(f"link add {network.bridge} type bridge")
    _ip(f"addr replace {network.host}/{PREFIX_LENGTH} dev {network.bridge}")
    _ip(f"link set {network.bridge} up")
    _ip(f"route replace {network.balancers} dev {network.bridge}")
    egress.open_for(network, state)
    return network


def remove(state: Path) -> None:
    """Remove the bridge, and with it every address and route; and the way out of the machine."""
    if there := load(state):
        egress.close_for(there, state)
    if _is_there(bridge_name(state)):
        _ip(f"link delete {bridge_name(state)}")


def load(state: Path) -> Network | None:
    """The network of this state folder's nodes, None when it has none."""
    file = state / FILE
    if not file.exists():
        return None
    return Network(bridge=bridge_name(state), **json.loads(file.read_text()))


def cut(network: Network, region: str) -> None:
    """Pull the region's cables: nobody reaches its node, pods and load balancers any more, and they reach
    nobody.
    """
    _pull(network, region, "down")


def mend(network: Network, region: str) -> None:
    _pull(network, region, "up")


def _pull(network: Network, region: str, where: str) -> None:
    for cable in (network.cable(region), network.balancers_cable(region)):
        _ip(f"link set {cable} {where}")


def _planned(state: Path, regions: Iterable[str]) -> Network:
    """The network that the state folder remembers, or one that nothing on this machine uses."""
    before = load(state)
    prefix, numbers = (before.prefix, dict(before.numbers)) if before else (_free_prefix(), {})
    for region in sorted(set(regions) - numbers.keys()):
        numbers[region] = max(numbers.values(), default=0) + 1
    write_atomically(state / FILE, json.dumps({"prefix": prefix, "numbers": numbers}))
    return Network(prefix=prefix, bridge=bridge_name(state), numbers=numbers)


def _free_prefix() -> str:
    taken = [ipaddress.ip_network(one["dst"]) for one in _told("route") if "/" in one["dst"]]
    for prefix in CANDIDATES:
        wanted = Network(prefix=prefix, bridge="", numbers={})
        networks = map(ipaddress.ip_network, (wanted.whole, wanted.balancers))
        if not any(one.overlaps(other) for one in networks for other in taken):
            return prefix
    raise NetworkError(f"every network from {CANDIDATES[0]}.0.0/16 to {CANDIDATES[-1]}.0.0/16 is in use here")


def _is_there(link: str) -> bool:
    return Path("/sys/class/net", link).exists()


def _told(what: str) -> list[dict[str, Any]]:
    answer = subprocess.run(["ip", "-json", what], capture_output=True, text=True, check=True)
    return list(json.loads(answer.stdout or "[]"))


def _ip(command: str) -> None:
    answer = subprocess.run(["ip", *command.split()], capture_output=True, text=True)
    if answer.returncode != 0:
        raise NetworkError(f"`ip {command}` failed: {answer.stderr.strip()}")
