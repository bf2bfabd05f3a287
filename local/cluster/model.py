"""What a local cluster's nodes are, as plain values: names, addresses, programs. One /16 network a
cluster.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

NODES_FROM = 10
PREFIX_LENGTH = 16
INTERFACE = "eth0"
NODE_LOCAL_DNS = "169.254.20.10"
"""Where a node answers its pods' DNS queries, as NodeLocal DNSCache does on EKS."""
RUNTIME_SOCKET = Path("/run/containerd/containerd.sock")
EVENTS_SOCKET = Path("/run/nri/nri.sock")
"""Where containerd tells of pods."""
KUBELET_ROOT = Path("/run/kubelet")
"""Each node has a /run of its own. Its folder may lie too deep for a socket's path: that has at most 107
characters.
"""
OWN = {"log": Path("/var/log"), "plugins": Path("/var/lib/kubelet"), "leases": Path("/var/lib/cni")}
"""Folders of a node, and where it has them: programs write there whatever they are told, and a kubelet clears
away the logs of pods that it does not know, which are those of the other nodes.
"""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A cluster's network, all of it on one bridge: `<prefix>.0.1` is the host, `<prefix>.0.<10 + n>` node n,
    `<prefix>.<n>.0/24` its pods, for which the node answers ARP. The load balancers have a network beside it,
    within 100.64.0.0/10 as `ingressFrom` expects them: 100.64.0.0/16 for 10.88, 100.65.0.0/16 for 10.89 and
    so on, and of it `100.64.<n>.0/24` for those of a region.
    """

    prefix: str
    """The first two numbers of all addresses, such as 10.88."""
    bridge: str
    numbers: Mapping[str, int]
    """Each region's node's, from 1 on. A number is never given to another region."""

    @property
    def host(self) -> str:
        """The host's address: API server and AWS emulator as pods reach them."""
        return f"{self.prefix}.0.1"

    @property
    def whole(self) -> str:
        return f"{self.prefix}.0.0/{PREFIX_LENGTH}"

    def node(self, region: str) -> str:
        return f"{self.prefix}.0.{NODES_FROM + self.numbers[region]}"

    def pods(self, region: str) -> str:
        return f"{self.prefix}.{self.numbers[region]}.0/24"

    def cable(self, region: str) -> str:
        """The host's end of the node's cable."""
        return f"{self.bridge}n{self.numbers[region]}"

    @property
    def balancers(self) -> str:
        """The network of all load balancers."""
        return f"{self._balancers}.0.0/{PREFIX_LENGTH}"

    def balancer(self, region: str, number: int) -> str:
        """The address of a region's load balancer, from 1 on."""
        return f"{self._balancers}.{self.numbers[region]}.{number}"

    def balancers_cable(self, region: str) -> str:
        """The host's end of the cable to a region's load balancers."""
        return f"{self.bridge}b{self.numbers[region]}"

    @property
    def _balancers(self) -> str:
        return f"100.{int(self.prefix.partition('.')[2]) - 24}"


def bridge_name(state: Path) -> str:
    """Of a state folder's cluster: an interface's name has at most 15 characters."""
    return f"da{_digest(state)}"


def control_group(state: Path) -> str:
    return f"digital-agency-{_digest(state)}"


def _digest(state: Path) -> str:
    return hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:8]


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node, with all that its processes have to know."""

    name: str
    region: str
    folder: Path
    cgroup: str
    """Below each controller's root."""
    network: Network
    binaries: Mapping[str, str]
    """Programs by name; all lie where the node finds them (`PATH`), too."""
    kubeconfig: str
    authority: str
    """Who signs certificates that the kubelet trusts."""
    enforces: bool
    """Network policies."""

    @property
    def address(self) -> str:
        return self.network.node(self.region)

    def image_import(self, root: Path = Path("/")) -> list[str]:
        """The command that takes in an archive of images, to be appended. `root`: the node's, as seen from
        where the command runs.
        """
        control = [self.binaries["ctr"], f"--address={root / RUNTIME_SOCKET.relative_to('/')}"]
        return [*control, "--namespace=k8s.io", "images", "import", "--local"]

    def save(self) -> None:
        told = {**asdict(self), "folder": str(self.folder)}
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "node.json").write_text(json.dumps(told, indent=2, sort_keys=True))

    @classmethod
    def load(cls, folder: Path) -> Node:
        told = json.loads((folder / "node.json").read_text())
        return cls(**{**told, "folder": folder, "network": Network(**told["network"])})
