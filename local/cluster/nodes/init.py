"""The first process of a node, in the node's namespaces. It starts containerd, kubelet and the others.

When one of them ends, this process ends, and with it the node.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from local.cluster import network_policies
from local.cluster.model import (
    BIND_MOUNTS,
    EVENTS_SOCKET,
    INTERFACE,
    KUBELET_ROOT,
    NODE_LOCAL_DNS,
    PREFIX_LENGTH,
    RUNTIME_SOCKET,
    Node,
    region_of,
)
from local.machine.commands import ip
from local.machine.files import end_of
from local.machine.processes import IDENTITY
from local.programs.build import FRUGAL

START_SECONDS = 30.0
POLL_SECONDS = 0.05
HIGH_PRIORITY = ("nice", "-n", "-10")
"""kube-network-policies runs with it, since every new connection waits for its verdict."""


class Init:
    def __init__(self, node: Node) -> None:
        self._node = node
        self._names: dict[int, str] = {}
        # The node ends its own processes: without these variables, `make down` does not stop them.
        programs = Path(node.binaries["containerd"]).parent
        kept = {key: value for key, value in os.environ.items() if key not in IDENTITY}
        self._environment = {**kept, **FRUGAL, "PATH": f"{node.folder / 'bin'}:{programs}:{kept['PATH']}"}

    def run(self) -> int:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        self._connect()
        for folder, place in BIND_MOUNTS.items():
            _bind(self._node.folder / folder, place)
        self._start("containerd", f"--config={self._node.folder / 'containerd.toml'}")
        self._await(RUNTIME_SOCKET.exists, "containerd")
        self._enforce()
        self._import_images()
        self._start("coredns", "-conf", str(self._node.folder / "Corefile"))
        _bind(self._node.folder / "kubelet", KUBELET_ROOT)
        self._start(
            "kubelet",
            f"--config={self._node.folder / 'kubelet.yaml'}",
            f"--kubeconfig={self._node.kubeconfig}",
            f"--hostname-override={self._node.name}",
            f"--node-ip={self._node.address}",
            f"--root-dir={KUBELET_ROOT}",
            f"--cert-dir={KUBELET_ROOT / 'pki'}",
            "--node-labels=" + ",".join(f"{key}={value}" for key, value in self._labels().items()),
        )
        self._start("kube-proxy", f"--config={self._node.folder / 'kube-proxy.yaml'}")
        return self._reap()

    def _labels(self) -> dict[str, str]:
        return {
            "topology.kubernetes.io/region": region_of(self._node.zone),
            "topology.kubernetes.io/zone": self._node.zone,
            # The load balancer controller does not look for hybrid nodes in EC2.
            "eks.amazonaws.com/compute-type": "hybrid",
        }

    def _connect(self) -> None:
        node = self._node
        _configure_kernel()
        if node.enforces:
            network_policies.install_rules()
        commands = [
            "link set lo up",
            f"addr add {NODE_LOCAL_DNS}/32 dev lo scope host",
            f"addr add {node.address}/{PREFIX_LENGTH} dev {INTERFACE}",
            f"link set {INTERFACE} up",
            f"route add default via {node.network.host}",
            f"route add {node.network.balancers} dev {INTERFACE}",
        ]
        for command in commands:
            ip(command)
        _use_dns_server(NODE_LOCAL_DNS)

    def _enforce(self) -> None:
        """Before the kubelet starts pods: containerd rejects containers while this program does not run."""
        if self._node.enforces:
            self._await(EVENTS_SOCKET.exists, "containerd")
            self._start(
                network_policies.PROGRAM,
                f"--kubeconfig={self._node.kubeconfig}",
                f"--node={self._node.name}",
                f"--queue={network_policies.QUEUE}",
                prefix=HIGH_PRIORITY,
            )
            self._await(network_policies.is_enforced, network_policies.PROGRAM)

    def _start(self, name: str, *arguments: str, prefix: Sequence[str] = ()) -> None:
        with (self._node.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*prefix, self._node.binaries[name], *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        self._names[process.pid] = name

    def _await(self, ready: Callable[[], bool], name: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} is not ready after {START_SECONDS:.0f} s; {self._quote(name)}")
            time.sleep(POLL_SECONDS)

    def _import_images(self) -> None:
        for archive in sorted((self._node.folder / "load").glob("*.tar")):
            subprocess.run([*self._node.image_import(), str(archive)], check=True, stdout=subprocess.DEVNULL)
            archive.unlink()

    def _reap(self) -> int:
        """Reap all children, also orphans of containers, as a first process must."""
        while True:
            pid, status = os.wait()
            if name := self._names.get(pid):
                print(
                    f"{name} ended with {os.waitstatus_to_exitcode(status)}; {self._quote(name)}", flush=True
                )
                return 1

    def _quote(self, name: str) -> str:
        return end_of(self._node.folder / f"{name}.log")


def _configure_kernel() -> None:
    """Forward packets whose source address fits their interface. IPv6 is off: IPv4 network policies do not
    cover the link-local address of a pod.
    """
    networking = Path("/proc/sys/net")
    for setting in ("ip_forward", f"conf/{INTERFACE}/proxy_arp", "conf/all/rp_filter"):
        networking.joinpath("ipv4", setting).write_text("1")
    if (networking / "ipv6").exists():
        networking.joinpath("ipv6/conf/all/disable_ipv6").write_text("1")


def _use_dns_server(server: str) -> None:
    """Make the node's own programs, as containerd, look up names with the cluster's DNS."""
    file = Path("/etc/resolv.conf").resolve()
    text = f"nameserver {server}\n"
    if file.is_relative_to("/run"):  # on the node's own /run
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return
    own = Path("/run/resolv.conf")
    own.write_text(text)
    if file.exists():
        subprocess.run(["mount", "--bind", str(own), str(file)], check=True)


def _bind(folder: Path, place: Path) -> None:
    for each in (folder, place):
        each.mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", str(folder), str(place)], check=True)


if __name__ == "__main__":
    sys.exit(Init(Node.load(Path(sys.argv[1]))).run())
