"""How the drill's own questions get into pods: past load balancers, readiness and network policies."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import Any

from local.kubernetes_api import ApiError
from ops.cluster_access import Cluster
from ops.drill.asking import NoPage

REMEMBERED_SECONDS = 1.0
"""How long a pod's address is believed: one that is made anew has another."""


class Doors:
    """URLs of pods' ports. Any thread may use it.

    `direct`: this machine reaches pods at their addresses, as on the local target. Else ports are forwarded,
    which needs the pod's kubelet.
    """

    def __init__(self, *, direct: bool) -> None:
        self._direct = direct
        self._lock = threading.Lock()
        self._addresses: dict[tuple[str, str, str], tuple[float, str]] = {}
        self._forwards: dict[tuple[str, str, str, int], str] = {}
        self._open = ExitStack()

    def url(self, cluster: Cluster, namespace: str, pod: str, port: int) -> str:
        """Raises NoPage when there is no such pod, or no way to it."""
        if self._direct:
            return f"http://{self._address(cluster, namespace, pod)}:{port}"
        key = (cluster.name, namespace, pod, port)
        with self._lock:
            if key not in self._forwards:
                self._forwards[key] = self._open.enter_context(cluster.forward(namespace, pod, port))
            return self._forwards[key]

    def close(self) -> None:
        with self._lock:
            self._forwards.clear()
            self._open.close()

    def _address(self, cluster: Cluster, namespace: str, pod: str) -> str:
        key, now = (cluster.name, namespace, pod), time.monotonic()
        with self._lock:
            at, known = self._addresses.get(key, (float("-inf"), ""))
        if now - at > REMEMBERED_SECONDS:
            try:
                live: Any = cluster.api.call("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}")
            except ApiError as error:
                raise NoPage(f"pod {namespace}/{pod}: {error}") from error
            except Exception as error:
                raise NoPage(f"pod {namespace}/{pod}: the API server does not answer: {error}") from error
            known = live["status"].get("podIP", "")
            with self._lock:
                self._addresses[key] = now, known
        if not known:
            raise NoPage(f"pod {namespace}/{pod} has no address")
        return known
