"""Objects of the platform on a real API server without nodes: pods whose addresses are this machine's own,
with servers of the tests' own on the platform's ports.
"""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from clients.kubernetes_api import ApiError, KubernetesApi
from local.cluster.control_plane import ControlPlane
from ops.cluster_access import Cluster
from plan.names import SYSTEM_NAMESPACE
from tests.drill.scenarios import EU, US
from tests.services import until

PART_OF = {"app.kubernetes.io/part-of": "digital-agency"}
MERGE = "application/merge-patch+json"


def reach(control_plane: ControlPlane) -> Cluster:
    api = KubernetesApi(str(control_plane.kubeconfig), "", threading.Event(), print)
    return Cluster(name="local", regions=(US, EU), api=api, kubectl="kubectl")


@dataclass
class Objects:
    """What a test puts there."""

    cluster: Cluster
    pods: dict[tuple[str, str], str] = field(default_factory=dict)
    """Addresses."""

    def namespace(self, name: str) -> None:
        try:
            self.cluster.api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        except ApiError as error:
            if error.status != 409:
                raise
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        until(lambda: self._there(account), f"{name} has its service account")

    def flags(self, namespace: str, *regions: str) -> None:
        body = {"metadata": {"name": "failed-regions"}, "data": {"failedRegions": "\n".join(regions)}}
        path = f"/api/v1/namespaces/{namespace}/configmaps"
        try:
            self.cluster.api.call("PUT", f"{path}/failed-regions", body)
        except ApiError as error:
            if error.status != 404:
                raise
            self.cluster.api.call("POST", path, body)

    def endpoints(self, namespace: str, region: str, *ready: bool | None) -> None:
        """Of the Agent's Service; None: the condition is not given, which means ready."""
        points = [
            {"addresses": [f"10.9.0.{number + 1}"], "conditions": {} if one is None else {"ready": one}}
            for number, one in enumerate(ready)
        ]
        labels = {"kubernetes.io/service-name": f"agent-{region}"}
        body = {
            "metadata": {"name": f"agent-{region}-test", "labels": labels},
            "addressType": "IPv4",
            "endpoints": points,
            "ports": [],
        }
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        try:
            self.cluster.api.call("POST", path, body)
        except ApiError as error:
            if error.status != 409:
                raise
            self.cluster.api.call("PUT", f"{path}/agent-{region}-test", body)

    def stateful_set(self, namespace: str, kind: str, region: str, ready: int, replicas: int = 1) -> None:
        """With so many pods that are reported as ready, as a kubelet would do it."""
        name = f"{kind}-{region}"
        labels = {**PART_OF, "topology.kubernetes.io/region": region, "app.kubernetes.io/name": kind}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": kind, "image": "one:1"}]},
        }
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        path = f"/apis/apps/v1/namespaces/{namespace}/statefulsets"
        self._put(path, {"metadata": {"name": name, "labels": labels}, "spec": spec})
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        for number in range(ready):
            pod = f"/api/v1/namespaces/{namespace}/pods/{name}-{number}"
            until(lambda pod=pod: self._there(pod), f"{pod} is there")  # type: ignore[misc]
            self.cluster.api.call("PATCH", f"{pod}/status", {"status": status}, MERGE)

        def counted() -> bool:
            live = self.cluster.api.call("GET", f"{path}/{name}")
            return bool(live.get("status", {}).get("readyReplicas", 0) == ready)

        until(counted, f"{ready} pods of {name} are ready")

    def pod(
        self, namespace: str, name: str, labels: dict[str, str], probe: tuple[int, str] = (3010, "/ready")
    ) -> str:
        """Its address: one of this machine's that nobody else uses."""
        port, path = probe
        container = {
            "name": labels.get("app.kubernetes.io/name", "one"),
            "image": "one:1",
            "readinessProbe": {"httpGet": {"port": port, "path": path}},
        }
        self._put(
            f"/api/v1/namespaces/{namespace}/pods",
            {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [container]}},
        )
        address = f"127.{random.randrange(64, 250)}.{random.randrange(1, 250)}.{random.randrange(2, 250)}"
        status = {"status": {"podIP": address, "podIPs": [{"ip": address}]}}
        self.cluster.api.call("PATCH", f"/api/v1/namespaces/{namespace}/pods/{name}/status", status, MERGE)
        self.pods[namespace, name] = address
        return address

    def workload_pod(self, namespace: str, kind: str, region: str, **more: Any) -> str:
        labels = {**PART_OF, "topology.kubernetes.io/region": region, "app.kubernetes.io/name": kind}
        return self.pod(namespace, f"{kind}-{region}-0", labels, **more)

    def controller_pod(self, name: str) -> str:
        return self.pod(SYSTEM_NAMESPACE, name, {"app.kubernetes.io/name": "failover-controller"})

    def clear(self, *namespaces: str) -> None:
        for name in namespaces:
            for path in (
                f"/apis/apps/v1/namespaces/{name}/statefulsets",
                f"/api/v1/namespaces/{name}/pods?gracePeriodSeconds=0",
                f"/apis/discovery.k8s.io/v1/namespaces/{name}/endpointslices",
                f"/api/v1/namespaces/{name}/events",
            ):
                self.cluster.api.call("DELETE", path)
            self.flags(name)

    def _put(self, path: str, body: dict[str, Any]) -> None:
        name = body["metadata"]["name"]
        try:
            self.cluster.api.call("DELETE", f"{path}/{name}?gracePeriodSeconds=0")
        except ApiError as error:
            if error.status != 404:
                raise
        until(lambda: not self._there(f"{path}/{name}"), f"{name} is gone")
        self.cluster.api.call("POST", path, body)

    def _there(self, path: str) -> bool:
        try:
            self.cluster.api.call("GET", path)
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return True


@contextmanager
def pages(address: str, port: int, answers: dict[str, tuple[int, str]]) -> Iterator[None]:
    """A server that has these pages: status and text by path. They may change while it runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = answers.get(self.path, (404, "there is no such page"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((address, port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
