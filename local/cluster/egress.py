"""The way from pods and nodes out of this machine: to registries, and to the models that agents ask."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from local.cluster.model import Network
from local.machine.files import LocalError, write_atomically

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
REMEMBERED = "forwarding"
"""In the state folder: what the machine's own setting was."""


def open_for(network: Network, state: Path) -> None:
    """Let the machine forward for the network, under its own address."""
    before = FORWARDING.read_text().strip()
    if not (state / REMEMBERED).exists():
        write_atomically(state / REMEMBERED, before)
    if before == "0":
        FORWARDING.write_text("1")
    for rule in _rules(network):
        if not _iptables("--check", rule):
            _iptables("--append", rule, must=True)


def close_for(network: Network, state: Path) -> None:
    """Take back what `open_for` did, also when it did only a part."""
    for rule in _rules(network):
        while _iptables("--check", rule):
            _iptables("--delete", rule, must=True)
    remembered = state / REMEMBERED
    if remembered.exists() and FORWARDING.read_text().strip() != remembered.read_text():
        FORWARDING.write_text(remembered.read_text())


def _rules(network: Network) -> Iterator[tuple[str, str, str]]:
    """Table, chain, and what the rule says."""
    bridge, inside = network.bridge, network.whole
    yield "nat", "POSTROUTING", f"-s {inside} ! -d {inside} -j MASQUERADE"
    # From node to node, too: where a container engine has the packets of bridges filtered, it drops others'.
    yield "filter", "FORWARD", f"-i {bridge} -j ACCEPT"
    yield (
        "filter",
        "FORWARD",
        f"! -i {bridge} -o {bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    )


def _iptables(action: str, rule: tuple[str, str, str], *, must: bool = False) -> bool:
    table, chain, said = rule
    command = ["iptables", "--wait", "--table", table, action, chain, *said.split()]
    answer = subprocess.run(command, capture_output=True, text=True)
    if must and answer.returncode != 0:
        raise LocalError(f"`{' '.join(command)}` failed: {answer.stderr.strip()}")
    return answer.returncode == 0
