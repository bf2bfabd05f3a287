"""The fault `gray`: the application's processes are stopped nearly all the time, so connections are accepted
and answers never come. The fault ends by itself when the drill does."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from kubernetes.stream import ws_client
from websocket import ABNF, WebSocketException

from ops.cluster_access import Cluster
from ops.drill.in_pod import CONTINUED, KEEP, QUIT, READY, source
from ops.drill.observe.kubernetes import PODS, list_objects, region_labels
from ops.errors import OperatorError

CONTAINERS = {"agent": ("agent", "health-monitor"), "brain": ("brain",)}
"""By the name label of a pod: the containers whose processes are stopped."""
GATE = "gate"
STDIN, OUTPUTS = b"\x00", (b"\x01", b"\x02")
"""Channels of an `exec` (source: Kubernetes, `v4.channel.k8s.io`)."""
PATIENCE_SECONDS = 15.0
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
            for pod in list_objects(self._cluster, PODS, region_labels(self._region))
            if (containers := CONTAINERS.get(pod["metadata"]["labels"].get("app.kubernetes.io/name", "")))
        ]
        if not pods:
            raise OperatorError(f"{self._cluster.name}: no pods of {self._region}")
        with ThreadPoolExecutor(THREADS) as pool:
            self._sessions = list(pool.map(lambda one: Session(self._cluster, *one), pods))

    def inject(self) -> str:
        for session in self._sessions:
            session.keep_alive()
        threading.Thread(target=self._keep_alive, daemon=True).start()
        return f"the application's processes in {len(self._sessions)} pods of {self._region} are stopped"

    def remove(self) -> str:
        self._done.set()
        with ThreadPoolExecutor(THREADS) as pool:
            results = list(pool.map(lambda session: session.close(), self._sessions))
        if problems := [one for one in results if one]:
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
        self._sending, self._output = threading.Lock(), ""
        options = [("container", GATE), ("stdin", "1"), ("stdout", "1"), ("stderr", "1")]
        command = [("command", word) for word in ("python3", "-c", source("freeze"), *containers)]
        library: Any = ws_client
        configuration = cluster.api.configuration
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec?{urlencode([*options, *command])}"
        headers = {one["key"]: one["value"] for one in configuration.auth_settings().values()}
        try:
            url = library.get_websocket_url(f"{configuration.host}{path}")
            self._stream = library.create_websocket(configuration, url, headers)
            self._read_until(READY)
        except (OSError, WebSocketException) as error:
            raise OperatorError(f"{self._pod}, container {GATE}: {error}") from error

    def keep_alive(self) -> None:
        """A broken session has ended the script already."""
        with self._sending, suppress(OSError, WebSocketException):
            self._stream.send_binary(STDIN + KEEP)

    def close(self) -> str:
        """Let the processes continue; returns why they may not, empty when they certainly do."""
        try:
            with self._sending:
                self._stream.send_binary(STDIN + QUIT)
            self._read_until(CONTINUED)
            return ""
        except (OSError, WebSocketException, OperatorError) as error:
            return f"{self._pod}: {error}"
        finally:
            with suppress(OSError, WebSocketException):
                self._stream.close(timeout=1)

    def _read_until(self, state: str) -> None:
        """The script prints its states, one a line. Raises OperatorError, OSError and WebSocketException."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while state not in self._output.split("\n")[:-1]:
            self._stream.settimeout(max(0.1, deadline - time.monotonic()))
            opcode, frame = self._stream.recv_data_frame(True)
            if opcode == ABNF.OPCODE_CLOSE or time.monotonic() > deadline:
                raise OperatorError(f"{self._pod}: the script in its gate ended: {self._output.strip()}")
            if opcode in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and frame.data[:1] in OUTPUTS:
                self._output += bytes(frame.data[1:]).decode(errors="replace")
