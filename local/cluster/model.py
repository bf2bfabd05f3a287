"""The local cluster's network and nodes as plain values: names, addresses, programs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

NODES_FROM = 10
ZONES = "ab"
"""The letters of each region's availability zones, as in us-east-1a. A zone has one node."""
ZONE_NUMBERS = 100
"""Numbers of a region's second zone are so much greater than those of its first."""
PREFIX_LENGTH = 16
INTERFACE = "eth0"
NODE_LOCAL_DNS = "169.254.20.10"
"""The node's DNS server for its pods, as NodeLocal DNSCache on EKS."""
RUNTIME_SOCKET = Path("/run/containerd/containerd.sock")
EVENTS_SOCKET = Path("/run/nri/nri.sock")
"""containerd reports pods there (NRI)."""
KUBELET_ROOT = Path("/run/kubelet")
"""In the node's own /run: a socket's path has at most 107 characters, too few for some state folders."""
BIND_MOUNTS = {"log": Path("/var/log"), "plugins": Path("/var/lib/kubelet"), "leases": Path("/var/lib/cni")}
"""Folders of a node and their mount points. Programs write to these paths whatever their configuration, and a
kubelet deletes logs of pods that it does not know, as those of other nodes.
"""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A cluster's network on one bridge, `<prefix>.0.0/16`.

    `<prefix>.0.1` is the host, `<prefix>.0.<10 + n>` the node of region n's first zone, `<prefix>.<n>.0/24`
    its pods, for which the node answers ARP; for the second zone n is ZONE_NUMBERS greater. Load balancers
    have a second network within 100.64.0.0/10, as `ingressFrom` expects: 100.64.0.0/16 for 10.88,
    100.65.0.0/16 for 10.89 and so on, with `100.64.<n>.0/24` for region n.
    """

    prefix: str
    """The first two numbers of all addresses, as 10.88."""
    bridge: str
    numbers: Mapping[str, int]
    """The number n of each region, from 1. A number is never reused for another region."""

    @property
    def host(self) -> str:
        """The address of the host, where pods reach the API server and the AWS emulator."""
        return f"{self.prefix}.0.1"

    @property
    def cidr(self) -> str:
        return f"{self.prefix}.0.0/{PREFIX_LENGTH}"

    def node(self, zone: str) -> str:
        return f"{self.prefix}.0.{NODES_FROM + self._number(zone)}"

    def pods(self, zone: str) -> str:
        return f"{self.prefix}.{self._number(zone)}.0/24"

    def veth(self, zone: str) -> str:
        """The host's end of the node's veth pair."""
        return f"{self.bridge}n{self._number(zone)}"

    def _number(self, zone: str) -> int:
        return self.numbers[region_of(zone)] + ZONE_NUMBERS * ZONES.index(zone[-1])

    @property
    def balancers(self) -> str:
        """The network of all load balancers."""
        return f"{self._balancers}.0.0/{PREFIX_LENGTH}"

    def balancer(self, region: str, number: int) -> str:
        """The address of a region's load balancer `number`, from 1."""
        return f"{self._balancers}.{self.numbers[region]}.{number}"

    def balancers_veth(self, region: str) -> str:
        """The host's end of the load balancers' veth pair."""
        return f"{self.bridge}b{self.numbers[region]}"

    @property
    def _balancers(self) -> str:
        return f"100.{int(self.prefix.partition('.')[2]) - 24}"


def zones_of(region: str) -> tuple[str, ...]:
    return tuple(f"{region}{letter}" for letter in ZONES)


def region_of(zone: str) -> str:
    return zone[:-1]


def short_name(zone: str) -> str:
    """Of the zone's node and its folder: the first zone has the region's name, to which volumes of earlier
    versions have affinity.
    """
    return zone.removesuffix(ZONES[0])


def bridge_name(state: Path) -> str:
    """Interface names have at most 15 characters."""
    return f"da{_digest(state)}"


def control_group(state: Path) -> str:
    return f"digital-agency-{_digest(state)}"


def _digest(state: Path) -> str:
    return hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:8]


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node, and the configuration of its processes."""

    name: str
    zone: str
    folder: Path
    cgroup: str
    """Below each controller's root."""
    network: Network
    binaries: Mapping[str, str]
    """Paths of programs by name. All are on the node's PATH."""
    kubeconfig: str
    authority: str
    """The certificate authority of the kubelet's clients."""
    enforces: bool
    """Network policies."""

    @property
    def address(self) -> str:
        return self.network.node(self.zone)

    def image_import(self, root: Path = Path("/")) -> list[str]:
        """The command that imports an archive of images; its path is to be appended.

        `root` is the node's root folder as the command sees it.
        """
        ctr = [self.binaries["ctr"], f"--address={root / RUNTIME_SOCKET.relative_to('/')}"]
        return [*ctr, "--namespace=k8s.io", "images", "import", "--local"]

    def save(self) -> None:
        values = {**asdict(self), "folder": str(self.folder)}
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "node.json").write_text(json.dumps(values, indent=2, sort_keys=True))

    @classmethod
    def load(cls, folder: Path) -> Node:
        values = json.loads((folder / "node.json").read_text())
        if region := values.pop("region", None):  # Written by a version with one zone a region.
            values["zone"] = zones_of(region)[0]
        return cls(**{**values, "folder": folder, "network": Network(**values["network"])})
