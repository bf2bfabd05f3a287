"""A session in a pod's gate that makes its application hang for as long as it is kept alive."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from kubernetes.stream import ws_client
from websocket import ABNF, WebSocketException

from ops.cluster_access import Cluster
from ops.errors import OperatorError

PROGRAM = Path(__file__).parent / "inside" / "freeze.py"
GATE = "gate"
STDIN, OUTPUTS = b"\x00", (b"\x01", b"\x02")
"""Channels of an `exec` (source: Kubernetes, `v4.channel.k8s.io`)."""
READY = "ready"
PATIENCE_SECONDS = 15.0


class Session:
    """Opened, the program waits; it begins at the first `say`, and ends when nothing is said any more."""

    def __init__(self, cluster: Cluster, namespace: str, pod: str, containers: Sequence[str]) -> None:
        """Raises OperatorError unless the program waits in the pod."""
        self._what = f"{namespace}/{pod}"
        self._sending, self._output = threading.Lock(), ""
        argv = ["python3", "-c", PROGRAM.read_text(encoding="utf-8"), *containers]
        asked = [("container", GATE), ("stdin", "1"), ("stdout", "1"), ("stderr", "1")]
        query = urlencode([*asked, *(("command", word) for word in argv)])
        library: Any = ws_client
        configuration = cluster.api.configuration
        url = f"{configuration.host}/api/v1/namespaces/{namespace}/pods/{pod}/exec?{query}"
        headers = {one["key"]: one["value"] for one in configuration.auth_settings().values()}
        try:
            self._stream = library.create_websocket(configuration, library.get_websocket_url(url), headers)
            self._read_until(READY)
        except (OSError, WebSocketException) as error:
            raise OperatorError(f"{self._what}, container {GATE}: {error}") from error

    def say(self) -> None:
        """That the drill is still there. A session that broke has ended the program."""
        with self._sending, suppress(OSError, WebSocketException):
            self._stream.send_binary(STDIN + b".")

    def close(self) -> str:
        """Let the application go on; why one cannot be sure that it does, empty when one can."""
        try:
            with self._sending:
                self._stream.send_binary(STDIN + b"q")
            self._read_until("go on")
            return ""
        except (OSError, WebSocketException, OperatorError) as error:
            return f"{self._what}: {error}"
        finally:
            with suppress(OSError, WebSocketException):
                self._stream.close(timeout=1)

    def _read_until(self, word: str) -> None:
        """Raises OperatorError, OSError or WebSocketException when it does not come."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while word not in self._output:
            self._stream.settimeout(max(0.1, deadline - time.monotonic()))
            opcode, frame = self._stream.recv_data_frame(True)
            if opcode == ABNF.OPCODE_CLOSE or time.monotonic() > deadline:
                raise OperatorError(f"{self._what}: the program in its gate ended: {self._output.strip()}")
            if opcode in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and frame.data[:1] in OUTPUTS:
                self._output += bytes(frame.data[1:]).decode(errors="replace")
