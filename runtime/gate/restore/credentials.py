"""Whether the pod has AWS credentials, and how a pod without them is replaced.

EKS injects credentials when a pod is admitted, if it knows the service account's role by then. A pod that was
admitted too early never gets them: a restart of its containers admits nothing. So the pod makes the kubelet
evict it, by filling an `emptyDir` over its size limit, and the StatefulSet's controller creates another one.
This needs no right in the Kubernetes API, and no token in a tenant's pod.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

from runtime.gate.snapshot.volume import GATE_FOLDER, Volume
from runtime.gate.storage.durable import write_atomically
from runtime.gate.storage.files import remove
from runtime.logs import log

VARIABLES = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ACCESS_KEY_ID")
"""Injected for Pod Identity; for IRSA; set by hand. rclone uses no others."""
FIRST_FILE = "without-credentials"
"""On a volume with data: its time is that of the first pod without credentials."""
WAIT_SECONDS = 300.0
"""A volume with data serves after this time, although it is not uploaded. An empty one needs the bucket."""
EVICTION_SECONDS = 300.0
"""The kubelet measures volumes once a minute, and evicts within 10 s then."""
OVERFLOW = b"\0" * (2 << 20)
"""Over the size limit of 1Mi (`components/gate.py`)."""


def are_missing(variables: Mapping[str, str]) -> bool:
    return not any(variables.get(name) for name in VARIABLES)


def must_be_replaced(volume: Volume) -> bool:
    """Whether a pod without credentials is replaced. Otherwise it starts without them."""
    first = volume.root / GATE_FOLDER / FIRST_FILE
    if volume.is_empty():
        return True
    if not first.exists():
        write_atomically(first, b"")
    return 0 <= time.time() - first.stat().st_mtime < WAIT_SECONDS


def forget_missing(volume: Volume) -> None:
    """The pod has credentials: the next one without them is the first one again."""
    remove(volume.root / GATE_FOLDER / FIRST_FILE)


def replace_pod(pod: str, folder: Path, interrupt: threading.Event) -> None:
    """Ask the kubelet to evict this pod, and wait for that."""
    log(
        "restore",
        level="error",
        message=f"{pod} has no AWS credentials: {VARIABLES[0]} (Pod Identity) and {VARIABLES[1]} (IRSA) are"
        " missing. EKS injects them into a new pod once it knows the role of the service account. The kubelet"
        f" now evicts this pod, and another one is created. By hand: kubectl delete pod {pod}",
    )
    (folder / "overflow").write_bytes(OVERFLOW)
    interrupt.wait(EVICTION_SECONDS)
