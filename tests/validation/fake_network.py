"""The network of a fake cluster: addresses, listeners and connections are what the test says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clients.kubernetes_api import Object
from ops.probing.pods import IN_POD

if TYPE_CHECKING:
    from tests.validation.fake_cluster import FakeCluster

NODE, GATEWAY_MAC, NAMESERVER = "10.0.9.1", "02:00:00:00:00:09", "169.254.20.10"
PORTS = {"agent": {"agent": 3000, "health-monitor": 3004}, "brain": {"brain": 3002}}
CONNECTED, REFUSED = ("connected", "it answered"), ("refused", "Connection refused")
DROPPED, NO_ROUTE = ("dropped", "no answer in 2 s"), ("untried", "Network is unreachable")

RUNNING = {"phase": "Running", "podIP": "10.0.8.1"}

Rule = Callable[[str, str, str, int], tuple[str, str]]
"""Source (`<namespace>/<pod>`), protocol, host and port, to state and why."""


def everything_is_open(source: str, protocol: str, host: str, port: int) -> tuple[str, str]:
    return CONNECTED


class FakeNetwork:
    def __init__(self) -> None:
        self.rule: Rule = everything_is_open
        self.silent = set[int]()
        """Ports at which nothing listens."""
        self.listening: list[int] = []
        """Ports besides, that no spec declares."""
        self.others: dict[tuple[str, str], Object] = {}
        """Objects of other kinds, by kind and name."""
        self.api_port, self.api_address = 6443, "10.0.9.9"
        self.controllers: list[str] = []
        self.tried: list[tuple[str, str, str, int]] = []
        self._addresses: dict[str, int] = {}

    def address(self, pod: str) -> str:
        """`pod` is `<namespace>/<name>`."""
        return f"10.0.0.{self._addresses.setdefault(pod, len(self._addresses) + 1)}"

    def link_local(self, pod: str) -> str:
        return f"fe80::{self.address(pod).rpartition('.')[2]}"

    def answer(self, cluster: FakeCluster, namespace: str, pod: str, argv: Sequence[str]) -> Any:
        """What an in-pod script about the network prints; None for another script."""
        source = f"{namespace}/{pod}"
        if argv[2] == (IN_POD / "connect.py").read_text():
            return [
                self._attempt(source, protocol, host, port)
                for protocol, host, ports in json.loads(argv[3])["attempts"]
                for port in ports
            ]
        if argv[2] == (IN_POD / "listening.py").read_text():
            ports = {3010, *PORTS[pod.partition("-")[0]].values(), *self.listening}
            servers = cluster.pods[namespace, pod].servers
            stopped = {port for port, server in servers.items() if server._process is None}
            return {
                "addresses": [self.address(source), self.link_local(source)],
                "tcp": sorted(ports - stopped - self.silent),
                "udp": [],
                "nameservers": [NAMESERVER],
                "neighbours": [GATEWAY_MAC],
            }
        return None

    def _attempt(self, source: str, protocol: str, host: str, port: int) -> tuple[str, str]:
        self.tried.append((source, protocol, host, port))
        return self.rule(source, protocol, host, port)

    def pod(
        self,
        named: Mapping[str, str],
        uid: str,
        variables: Sequence[Object],
        conditions: Sequence[Object],
    ) -> Object:
        component = named["name"].partition("-")[0]
        workload = named["name"].rpartition("-")[0]
        address = self.address(f"{named['namespace']}/{named['name']}")
        containers = [{"name": name, "env": variables} for name in ("agent", "health-monitor", "brain")]
        for container in containers:
            if container["name"] in PORTS[component]:
                container["ports"] = [{"containerPort": PORTS[component][str(container["name"])]}]
        return {
            "metadata": {**named, "uid": uid, "labels": {"workload": workload}},
            "spec": {
                "initContainers": [{"name": "gate", "ports": [{"containerPort": 3010}]}],
                "containers": containers,
                "nodeName": "node-1",
                "hostname": named["name"],
                "subdomain": f"{workload}-headless",
            },
            "status": {
                "phase": "Running",
                "podIP": address,
                "podIPs": [{"ip": address}],
                "hostIP": NODE,
                "conditions": conditions,
            },
        }

    def controller_pods(self) -> list[Object]:
        labels = {"app.kubernetes.io/name": "failover-controller"}
        return [
            {"metadata": {"name": name, "labels": labels}, "spec": {}, "status": RUNNING}
            for name in self.controllers
        ]

    def objects(self, kind: str, namespace: str, pods: Sequence[str]) -> list[Object]:
        if kind == "EndpointSlice":
            return [{"ports": [{"port": self.api_port}], "endpoints": [{"addresses": [self.api_address]}]}]
        assert kind == "Service"
        found: list[Object] = []
        for number, pod in enumerate(pods):
            name, port = pod.rpartition("-")[0], next(iter(PORTS[pod.partition("-")[0]].values()))
            for suffix, address in (("", f"10.1.0.{number + 1}"), ("-headless", "None")):
                spec = {"selector": {"workload": name}, "ports": [{"port": port}], "clusterIPs": [address]}
                metadata = {"name": name + suffix, "namespace": namespace}
                found.append({"metadata": metadata, "spec": spec})
        return found
