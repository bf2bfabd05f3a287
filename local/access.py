"""How to reach what `make up` has started: cluster, AWS emulator, load balancers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.aws import emulator
from local.aws.emulator import Emulator
from local.cluster import control_plane, network
from local.cluster.accelerators import addresses as accelerators
from local.cluster.alb import addresses
from local.machine.files import DEFAULT_STATE, write_atomically
from local.machine.processes import Processes


@dataclass(frozen=True, kw_only=True)
class Access:
    """The running stack `local`."""

    kubeconfig: Path
    aws: Emulator
    edges: Mapping[str, str] = field(default_factory=dict)
    """URL of a load balancer by region."""
    balancers: Mapping[str, str] = field(default_factory=dict)
    """Address of each load balancer by DNS name."""
    accelerators: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Addresses of each accelerator by DNS name."""
    missing: Sequence[str] = ()
    """Requirements of nodes that this machine does not meet."""
    unenforced: str | None = None
    """Why the nodes do not enforce network policies: "" if they do, None without nodes."""

    def environment(self, region: str) -> dict[str, str]:
        """Environment of programs that call AWS and Kubernetes."""
        return {**self.aws.environment(region), "KUBECONFIG": str(self.kubeconfig)}


def find(state: Path = DEFAULT_STATE) -> Access | None:
    """None unless the cluster and the emulator run."""
    if not state.exists():
        return None
    external = remembered(state).get("kubeconfig")
    processes = Processes(state)
    if not external and not all(map(processes.alive, control_plane.PROGRAMS)):
        return None
    aws = emulator.find(state)
    if aws is None:
        return None
    kubeconfig = Path(external) if external else state / control_plane.KUBECONFIG
    return Access(
        kubeconfig=kubeconfig,
        aws=aws,
        edges={} if external else edges(state),
        balancers={} if external else balancers_of(state),
        accelerators=accelerators.find(state),
        unenforced=remembered(state).get("unenforced"),
    )


def edges(state: Path) -> dict[str, str]:
    """The URL of each region's first load balancer, once it has an address."""
    by_region = {region: addresses.find(state, region) for region in _regions(state)}
    return {region: f"https://{next(iter(names.values()))}" for region, names in by_region.items() if names}


def balancers_of(state: Path) -> dict[str, str]:
    """Addresses of all Application Load Balancers by DNS name."""
    by_region = [addresses.find(state, region) for region in _regions(state)]
    return {name: address for names in by_region for name, address in names.items()}


def _regions(state: Path) -> Iterable[str]:
    """Regions with a node."""
    of_nodes = network.load(state)
    return of_nodes.numbers if of_nodes else ()


def remembered(state: Path) -> dict[str, Any]:
    """Stack outputs, the kubeconfig of an external cluster, and other facts that a state folder keeps."""
    file = state / "target.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def remember(state: Path, **values: Any) -> None:
    write_atomically(state / "target.json", json.dumps(remembered(state) | values))
