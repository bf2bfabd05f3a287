"""The edge as it is deployed: its manifests on a real API server, its program as the pod would start it."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from local import ports
from local.control_plane import ControlPlane
from local.edge.manifests import NAME, NAMESPACE, manifests, program
from local.kubernetes_api import ApiError, KubernetesApi
from tests.local.edge.backends import LOOPBACK, ask
from tests.local.edge.objects import EU, US, Object
from tests.services import until

IMAGE = "localhost/digital-agency/python:local"
APPLY = "fieldManager=test&force=true"
MERGE = "application/merge-patch+json"


class Cluster:
    """A real API server with everything of the edges, but no node to run them on."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self.control_plane = control_plane
        self.api = KubernetesApi(str(control_plane.kubeconfig), "", threading.Event(), print)
        self.manifests = manifests([US, EU], IMAGE)
        self._namespaces = 0
        for one in self.manifests:
            if one["kind"] != "Deployment":
                self.put(one)

    def namespace(self) -> str:
        """One that nobody had."""
        self._namespaces += 1
        name = f"edge-{self._namespaces}"
        self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        return name

    def put(self, *objects: Object) -> None:
        for one in objects:
            path = f"{self.api.path(one)}?{APPLY}"
            self.api.call("PATCH", path, one, "application/apply-patch+yaml")

    def remove(self, *objects: Object) -> None:
        for one in objects:
            try:
                self.api.call("DELETE", self.api.path(one))
            except ApiError as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise

    def addresses(self, ingress: Object) -> list[Object]:
        """That an Ingress says it is at."""
        live = self.api.get(ingress)
        assert live is not None
        return list(live["status"]["loadBalancer"].get("ingress", []))

    def set_addresses(self, ingress: Object, *addresses: str) -> None:
        body = {"status": {"loadBalancer": {"ingress": [{"ip": one} for one in addresses]}}}
        self.api.call("PATCH", f"{self.api.path(ingress)}/status", body, MERGE)

    def token(self) -> str:
        """Of the edges' account, as the kubelet would ask for it."""
        path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{NAME}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return str(self.api.call("POST", path, request)["status"]["token"])


@dataclass
class Edge:
    process: subprocess.Popen[bytes]
    port: int
    inside: int
    log: Path

    def get(self, path: str = "/", host: str = "acme.test") -> tuple[int, str]:
        return ask(self.port, path, host)

    def page(self, path: str) -> int:
        return ask(self.inside, path)[0]

    def stop(self) -> int:
        """As the kubelet does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def mounted(folder: Path) -> Path:
    """The program as its ConfigMap is mounted."""
    folder.mkdir()
    config_map = program().config_map(NAMESPACE, {})
    for name, text in config_map["data"].items():
        (folder / name).write_text(text)
    for name, packed in config_map["binaryData"].items():
        (folder / name).write_bytes(base64.b64decode(packed))
    return folder


@contextmanager
def running(
    cluster: Cluster, folder: Path, *, url: str | None = None, region: str = US, python: str = sys.executable
) -> Iterator[Edge]:
    """An edge that may be listing still."""
    folder.mkdir(exist_ok=True)
    token, log = folder / "token", folder / "log"
    token.write_text(cluster.token())
    port = ports.choose(())
    inside = ports.choose((port,))
    deployment = next(one for one in cluster.manifests if one["metadata"]["name"] == f"{NAME}-{region}")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    told: Mapping[str, str] = {
        **{one["name"]: one["value"] for one in container["env"] if "value" in one},
        "NODE_IP": LOOPBACK,
        "EDGE_PORT": str(port),
        "EDGE_INSIDE_PORT": str(inside),
        "KUBERNETES_API": url or cluster.control_plane.server,
        "KUBERNETES_TOKEN_FILE": str(token),
        "KUBERNETES_CA_FILE": str(cluster.control_plane.kubeconfig.parent / "pki" / "ca.crt"),
        "PATH": os.environ["PATH"],
    }
    [_, start, *module] = container["command"]
    argv = [python, "-I", "-S", str(mounted(folder / "program") / Path(start).name), *module]
    with log.open("wb") as output:
        process = subprocess.Popen(argv, env=told, stdout=output, stderr=subprocess.STDOUT, cwd="/")
    try:
        yield Edge(process, port, inside, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def ready(edge: Edge) -> None:
    until(lambda: edge.page("/ready") == 200, f"the edge is ready: {edge.log.read_text()}")


def own_address() -> str:
    """Of this machine, but not loopback, which the API server takes for no endpoint's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(("198.51.100.1", 9))
        address = str(asked.getsockname()[0])
    assert not address.startswith("127."), "this machine needs an address of its own beside loopback"
    return address


class Relay:
    """Passes connections on to the API server, while it is open."""

    def __init__(self, server: str) -> None:
        parts = urlsplit(server)
        self._to = (parts.hostname, parts.port)
        self._connections = list[socket.socket]()
        self._listener: socket.socket | None = None
        self.port = ports.choose(())
        self.open()

    @property
    def url(self) -> str:
        return f"https://{LOOPBACK}:{self.port}"

    def open(self) -> None:
        self._listener = socket.create_server((LOOPBACK, self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """As an API server that goes away: nobody listens, and what was open breaks off."""
        assert self._listener is not None
        for one in (self._listener, *self._connections):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._connections.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._to)
                self._connections += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
