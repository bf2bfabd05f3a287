"""How the drill's own questions get into pods: past load balancers, readiness and network policies."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from ops.cluster_access import Cluster


class Doors:
    """URLs of pods' ports, forwarded by the pod's kubelet. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forwards: dict[tuple[str, str, str, int], str] = {}
        self._open = ExitStack()

    def url(self, cluster: Cluster, namespace: str, pod: str, port: int) -> str:
        key = (cluster.name, namespace, pod, port)
        with self._lock:
            if key not in self._forwards:
                self._forwards[key] = self._open.enter_context(cluster.forward(namespace, pod, port))
            return self._forwards[key]

    def close(self) -> None:
        with self._lock:
            self._forwards.clear()
            self._open.close()
