"""The fault `gray`: the application's processes are stopped nearly all the time, so connections are accepted
and answers never come. The fault ends by itself when the drill does."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from clients import pod_streams
from clients.pod_streams import StreamError
from ops.cluster_access import Cluster
from ops.drill.observe.kubernetes import workloads
from ops.errors import OperatorError
from ops.probing.containers import AGENT, BRAIN, GATE, HEALTH_MONITOR
from ops.probing.pods import source

CONTAINERS = {AGENT: (AGENT, HEALTH_MONITOR), BRAIN: (BRAIN,)}
"""By the name label of a pod: the containers whose processes are stopped."""
READY, CONTINUED = "ready", "continued"
"""Lines that `freeze.py` prints: it waits; the processes that it had stopped continue."""
KEEP, QUIT = b".", b"q"
"""What `freeze.py` reads: go on; end."""
TIMEOUT_SECONDS = 15.0
PAUSE_SECONDS = 1.0
THREADS = 16


class GrayFault:
    cut_off = False

    def __init__(self, cluster: Cluster, region: str) -> None:
        self._cluster, self._region = cluster, region
        self._sessions: Sequence[Session] = ()
        self._done = threading.Event()

    def prepare(self) -> None:
        pods = [
            (pod["metadata"]["namespace"], pod["metadata"]["name"], containers)
            for pod in workloads(self._cluster, "Pod", "v1", self._region)
            if (containers := CONTAINERS.get(pod["metadata"]["labels"].get("app.kubernetes.io/name", "")))
        ]
        if not pods:
            raise OperatorError(f"{self._cluster.name}: no pods of {self._region}")
        with ThreadPoolExecutor(THREADS) as pool:
            self._sessions = list(pool.map(lambda each: Session(self._cluster, *each), pods))

    def inject(self) -> str:
        for session in self._sessions:
            session.keep_alive()
        threading.Thread(target=self._keep_alive, daemon=True).start()
        return f"the application's processes in {len(self._sessions)} pods of {self._region} are stopped"

    def bring_back(self) -> str:
        return ""

    def remove(self) -> str:
        self._done.set()
        with ThreadPoolExecutor(THREADS) as pool:
            results = list(pool.map(lambda session: session.close(), self._sessions))
        if problems := [result for result in results if result]:
            raise OperatorError(
                f"the processes of {len(problems)} pods may still be stopped ({problems[0]}): liveness probes"
                " restart containers that do not answer within a minute"
            )
        return f"the processes in {len(results)} pods continue"

    def _keep_alive(self) -> None:
        while not self._done.wait(PAUSE_SECONDS):
            for session in self._sessions:
                session.keep_alive()


class Session:
    """Runs `freeze.py` in a pod's gate. The script waits at first; it stops the processes at the first
    `keep_alive`, and lets them continue when these cease."""

    def __init__(self, cluster: Cluster, namespace: str, pod: str, containers: Sequence[str]) -> None:
        """Raises OperatorError unless the script waits in the pod."""
        self._pod = f"{namespace}/{pod}"
        argv = ["python3", "-c", source("freeze"), *containers]
        try:
            self._stream = pod_streams.Session(cluster.api.configuration, namespace, pod, GATE, argv)
            self._stream.wait_for(READY, TIMEOUT_SECONDS)
        except StreamError as error:
            raise OperatorError(str(error)) from error

    def keep_alive(self) -> None:
        """A broken session has ended the script already."""
        with suppress(StreamError):
            self._stream.send(KEEP)

    def close(self) -> str:
        """Let the processes continue; returns why they may not, empty when they certainly do."""
        try:
            self._stream.send(QUIT)
            self._stream.wait_for(CONTINUED, TIMEOUT_SECONDS)
            return ""
        except StreamError as error:
            return f"{self._pod}: {error}"
        finally:
            self._stream.close()
