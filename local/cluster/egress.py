"""Egress of pods and nodes to other machines, as registries and language models."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from local.cluster.model import Network
from local.machine.commands import run
from local.machine.files import write_atomically

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
ORIGINAL = "forwarding"
"""File of the state folder with the machine's own setting."""


def open_for(network: Network, state: Path) -> None:
    """Let the machine forward packets of the network, with its own address as the source."""
    before = FORWARDING.read_text().strip()
    if not (state / ORIGINAL).exists():
        write_atomically(state / ORIGINAL, before)
    if before == "0":
        FORWARDING.write_text("1")
    for rule in _rules(network):
        if not _exists(rule):
            run(_command("--append", rule))


def close_for(network: Network, state: Path) -> None:
    """Undo `open_for`, even if it was interrupted."""
    for rule in _rules(network):
        while _exists(rule):
            run(_command("--delete", rule))
    original = state / ORIGINAL
    if original.exists() and FORWARDING.read_text().strip() != original.read_text():
        FORWARDING.write_text(original.read_text())


def _rules(network: Network) -> Iterator[tuple[str, str, str]]:
    """Table, chain and match of each rule."""
    bridge, cidr = network.bridge, network.cidr
    yield "nat", "POSTROUTING", f"-s {cidr} ! -d {cidr} -j MASQUERADE"
    # From node to node, too: a container engine may filter the packets of bridges and drop those of others.
    yield "filter", "FORWARD", f"-i {bridge} -j ACCEPT"
    yield (
        "filter",
        "FORWARD",
        f"! -i {bridge} -o {bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    )


def _command(action: str, rule: tuple[str, str, str]) -> list[str]:
    table, chain, match = rule
    return ["iptables", "--wait", "--table", table, action, chain, *match.split()]


def _exists(rule: tuple[str, str, str]) -> bool:
    return subprocess.run(_command("--check", rule), capture_output=True).returncode == 0
