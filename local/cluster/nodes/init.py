"""The first process of a node, in the node's namespaces: network, containerd, network policies, images, DNS,
kubelet, kube-proxy.

It ends as soon as one of them does, and with it the node.
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
    EVENTS_SOCKET,
    INTERFACE,
    KUBELET_ROOT,
    NODE_LOCAL_DNS,
    OWN,
    PREFIX_LENGTH,
    RUNTIME_SOCKET,
    Node,
)
from local.machine.processes import IDENTITY
from local.programs.build import FRUGAL

START_SECONDS = 30.0
POLL_SECONDS = 0.05
LOG_LINES = 15
URGENTLY = ("nice", "-n", "-10")
"""Each new connection waits for the program's decision, which a real cluster's kernel makes at once."""


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
        for folder, place in OWN.items():
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
        region = self._node.region
        return {
            "topology.kubernetes.io/region": region,
            "topology.kubernetes.io/zone": f"{region}a",
            # Of such nodes the load balancer controller asks EC2 nothing.
            "eks.amazonaws.com/compute-type": "hybrid",
        }

    def _connect(self) -> None:
        node = self._node
        _switch()
        if node.enforces:
            network_policies.hold_back()
        commands = [
            "link set lo up",
            f"addr add {NODE_LOCAL_DNS}/32 dev lo scope host",
            f"addr add {node.address}/{PREFIX_LENGTH} dev {INTERFACE}",
            f"link set {INTERFACE} up",
            f"route add default via {node.network.host}",
            f"route add {node.network.balancers} dev {INTERFACE}",
        ]
        for command in commands:
            subprocess.run(["ip", *command.split()], check=True)
        _resolve_by(NODE_LOCAL_DNS)

    def _enforce(self) -> None:
        """Before the kubelet starts pods: containerd refuses containers while this program is not there."""
        if self._node.enforces:
            self._await(EVENTS_SOCKET.exists, "containerd")
            self._start(
                network_policies.PROGRAM,
                f"--kubeconfig={self._node.kubeconfig}",
                f"--node={self._node.name}",
                f"--queue={network_policies.QUEUE}",
                prefix=URGENTLY,
            )
            self._await(network_policies.are_decided, network_policies.PROGRAM)

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
                raise TimeoutError(f"{name} is not ready after {START_SECONDS:.0f} s{self._quote(name)}")
            time.sleep(POLL_SECONDS)

    def _import_images(self) -> None:
        for archive in sorted((self._node.folder / "load").glob("*.tar")):
            subprocess.run([*self._node.image_import(), str(archive)], check=True, stdout=subprocess.DEVNULL)
            archive.unlink()

    def _reap(self) -> int:
        """Wait for whatever ends: also what containers leave behind, as the first process must."""
        while True:
            pid, status = os.wait()
            if name := self._names.get(pid):
                print(f"{name} ended with {os.waitstatus_to_exitcode(status)}{self._quote(name)}", flush=True)
                return 1

    def _quote(self, name: str) -> str:
        log = self._node.folder / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:] if log.exists() else []
        return f"; the end of {log}:\n" + "\n".join(lines)


def _switch() -> None:
    """Packets are forwarded, if their source is where they come from. There is no IPv6: every pod has a
    link-local address, which no network policy of IPv4 covers.
    """
    networking = Path("/proc/sys/net")
    for switch in ("ip_forward", f"conf/{INTERFACE}/proxy_arp", "conf/all/rp_filter"):
        networking.joinpath("ipv4", switch).write_text("1")
    if (networking / "ipv6").exists():
        networking.joinpath("ipv6/conf/all/disable_ipv6").write_text("1")


def _resolve_by(server: str) -> None:
    """Names that the node's own programs ask for, a registry's, are found by the cluster's DNS."""
    file = Path("/etc/resolv.conf").resolve()
    text = f"nameserver {server}\n"
    if file.is_relative_to("/run"):  # It is the node's own.
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return
    own = Path("/run/resolv.conf")
    own.write_text(text)
    if file.exists():
        subprocess.run(["mount", "--bind", str(own), str(file)], check=True)


def _bind(folder: Path, place: Path) -> None:
    for one in (folder, place):
        one.mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", str(folder), str(place)], check=True)


if __name__ == "__main__":
    sys.exit(Init(Node.load(Path(sys.argv[1]))).run())
