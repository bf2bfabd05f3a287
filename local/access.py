"""How to reach what `make up` has started: its cluster, its AWS, its edges."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.aws import emulator
from local.aws.emulator import Emulator
from local.cluster import control_plane, network
from local.cluster.alb import addresses
from local.machine.files import DEFAULT_STATE, write_atomically
from local.machine.processes import Processes


@dataclass(frozen=True, kw_only=True)
class Access:
    """The local target that runs. `edges` has a URL for each region that has a load balancer, `balancers` the
    address of each load balancer by its DNS name, and `lacks` a line for each requirement of nodes that this
    machine does not meet. `unenforced` says why nodes do not enforce network policies: empty where they
    do, None where there are no nodes of ours.
    """

    kubeconfig: Path
    aws: Emulator
    edges: Mapping[str, str] = field(default_factory=dict)
    balancers: Mapping[str, str] = field(default_factory=dict)
    lacks: Sequence[str] = ()
    unenforced: str | None = None

    def environment(self, region: str) -> dict[str, str]:
        """For programs that call AWS and Kubernetes."""
        return {**self.aws.environment(region), "KUBECONFIG": str(self.kubeconfig)}


def find(state: Path = DEFAULT_STATE) -> Access | None:
    """None where nothing, or not all of it, runs. Starts nothing."""
    if not state.exists():
        return None
    given = remembered(state).get("kubeconfig")
    processes = Processes(state)
    if not given and not all(map(processes.alive, control_plane.PARTS)):
        return None
    aws = emulator.find(state)
    if aws is None:
        return None
    kubeconfig = Path(given) if given else state / control_plane.KUBECONFIG
    return Access(
        kubeconfig=kubeconfig,
        aws=aws,
        edges={} if given else edges(state),
        balancers={} if given else addresses_of(state),
        unenforced=remembered(state).get("unenforced"),
    )


def edges(state: Path) -> dict[str, str]:
    """The URL of each region's first load balancer, as soon as it has an address."""
    there = network.load(state)
    found = {region: addresses.find(state, region) for region in there.numbers} if there else {}
    return {region: f"https://{next(iter(one.values()))}" for region, one in found.items() if one}


def addresses_of(state: Path) -> dict[str, str]:
    """Where the DNS names of load balancers lead clients of this machine."""
    there = network.load(state)
    regions = there.numbers if there else ()
    return {name: address for region in regions for name, address in addresses.find(state, region).items()}


def remembered(state: Path) -> dict[str, Any]:
    """What a state folder remembers until `down`: engine, outputs, emulator, a cluster that is not ours."""
    file = state / "target.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def remember(state: Path, **values: Any) -> None:
    write_atomically(state / "target.json", json.dumps(remembered(state) | values))
