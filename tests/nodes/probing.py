"""Pods that try to reach addresses, on the nodes of the stack `local`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from local.cluster.images.local_images import PYTHON_IMAGE
from ops.cluster_access import Cluster
from tests.services import until

PORT = 8080
REACHED = "reached"
LISTEN = f"""
import socket, threading
stream = socket.create_server(("::", {PORT}), family=socket.AF_INET6, dualstack_ipv6=True)
packets = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
packets.bind(("::", {PORT}))
def echo():
    while True:
        data, sender = packets.recvfrom(100)
        packets.sendto(data, sender)
threading.Thread(target=echo, daemon=True).start()
while True:
    stream.accept()[0].close()
"""
TRY = """
import concurrent.futures, json, os, socket, struct, sys
def tcp(host, port):
    socket.create_connection((host, port), 2).close()
def udp(host, port):
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as packets:
        packets.settimeout(2)
        packets.sendto(b"x", address)
        packets.recv(100)
def icmp(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as packets:
        packets.settimeout(2)
        body = struct.pack("!HHHH", 0x0800, 0, os.getpid() & 0xffff, 1)
        checksum = 0xffff - sum(struct.unpack("!4H", body)) % 0xffff
        packets.sendto(body[:2] + struct.pack("!H", checksum) + body[4:], (host, 0))
        while packets.recv(100)[20] != 0:
            pass
def tried(kind, host, port):
    try:
        globals()[kind](host, port)
    except OSError as error:
        return str(error) or type(error).__name__
    return "reached"
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    print(json.dumps(list(pool.map(lambda one: tried(*one), json.loads(sys.argv[1])))))
"""

Target = tuple[str, str, int]
"""Protocol (`tcp`, `udp` or `icmp`), host, port."""


@dataclass(frozen=True)
class Pods:
    """Pods of a test's own, each running Python. Namespaces are made when first needed."""

    cluster: Cluster
    namespaces: set[str] = field(default_factory=set)

    def create(self, namespace: str, name: str, zone: str, program: str = LISTEN) -> None:
        self._ensure(namespace)
        container = {
            "name": "main",
            "image": PYTHON_IMAGE,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-c", program],
        }
        body = {
            "metadata": {"name": name, "labels": {"name": name}},
            "spec": {
                "nodeSelector": {"topology.kubernetes.io/zone": zone},
                "terminationGracePeriodSeconds": 0,
                "restartPolicy": "Never",
                "containers": [container],
            },
        }
        self.cluster.api.call("POST", f"/api/v1/namespaces/{namespace}/pods", body)

    def service(self, namespace: str, name: str) -> str:
        """The address of a new Service of the pod `name`."""
        body = {"metadata": {"name": name}, "spec": {"selector": {"name": name}, "ports": [{"port": PORT}]}}
        created = self.cluster.api.call("POST", f"/api/v1/namespaces/{namespace}/services", body)
        return str(created["spec"]["clusterIP"])

    def policy(self, namespace: str, **spec: Any) -> None:
        """For all pods of the namespace."""
        self._ensure(namespace)
        body = {"metadata": {"name": "policy"}, "spec": {"podSelector": {}, **spec}}
        group = "/apis/networking.k8s.io/v1"
        self.cluster.api.call("POST", f"{group}/namespaces/{namespace}/networkpolicies", body)

    def address(self, namespace: str, name: str) -> str:
        """Waits until the pod runs."""
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        until(lambda: self._status(path).get("phase") == "Running", f"{namespace}/{name} runs")
        return str(self._status(path)["podIP"])

    def log(self, namespace: str, name: str) -> str:
        """Of a pod that has ended."""
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        until(lambda: self._status(path).get("phase") == "Succeeded", f"{namespace}/{name} has ended")
        return str(self.cluster.api.call("GET", f"{path}/log")["message"])

    def run(self, namespace: str, name: str, program: str, *arguments: str, container: str = "main") -> str:
        done = self.cluster.exec(namespace, name, container, ["python3", "-c", program, *arguments])
        assert done.code == 0, done.err
        return done.out

    def tried(
        self, namespace: str, name: str, targets: Sequence[Target], container: str = "main"
    ) -> dict[Target, str]:
        """What came of each target: REACHED or why not."""
        results = json.loads(self.run(namespace, name, TRY, json.dumps(targets), container=container))
        return dict(zip(targets, results, strict=True))

    def clear(self) -> None:
        for namespace in self.namespaces:
            self.cluster.api.call("DELETE", f"/api/v1/namespaces/{namespace}")
        until(lambda: not self.namespaces & self._there(), "the tests' namespaces are gone")

    def _ensure(self, namespace: str) -> None:
        if namespace in self.namespaces:
            return
        self.namespaces.add(namespace)
        self.cluster.api.call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"namespace": namespace, "name": "default"},
        }
        until(lambda: self.cluster.api.get(account) is not None, f"{namespace} has its service account")

    def _status(self, path: str) -> dict[str, Any]:
        status: dict[str, Any] = self.cluster.api.call("GET", path)["status"]
        return status

    def _there(self) -> set[str]:
        return {
            each["metadata"]["name"] for each in self.cluster.api.call("GET", "/api/v1/namespaces")["items"]
        }
