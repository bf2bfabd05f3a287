"""URLs of pods' ports."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from ops.cluster_access import Cluster


class PortForwards:
    """Ports of pods, forwarded by the pod's kubelet: past load balancers, readiness and network policies.

    A URL leads to whichever pod has the name when a connection is opened. Any thread may use it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._urls: dict[tuple[str, str, str, int], str] = {}
        self._open = ExitStack()

    def url(self, cluster: Cluster, namespace: str, pod: str, port: int) -> str:
        key = (cluster.name, namespace, pod, port)
        with self._lock:
            if key not in self._urls:
                self._urls[key] = self._open.enter_context(cluster.forward(namespace, pod, port))
            return self._urls[key]

    def close(self) -> None:
        with self._lock:
            self._urls.clear()
            self._open.close()
