"""Requirements of nodes on this machine. Each missing requirement is one line of text."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from local import packages
from local.cluster.nodes import cgroups
from local.machine.consent import Consent
from local.machine.files import Progress


def prepare(progress: Progress, consent: Consent) -> list[str]:
    """Install missing packages; return the requirements that are still missing.

    Installs nothing if nodes cannot run for another reason. Raises LocalError when packages stay missing.
    """
    if not _obstacles():
        packages.ensure(packages.for_nodes, progress, consent)
    return missing()


def missing() -> list[str]:
    """A line for each missing requirement; empty if nodes can run."""
    if sys.platform != "linux":
        return _obstacles()
    debs = packages.for_nodes()
    lines = [f"packages: apt-get install {' '.join(debs)}"] if debs else []
    if os.geteuid() != 0:
        lines.append("root: nodes create namespaces, mounts and network interfaces")
    return [*lines, *_obstacles()]


def _obstacles() -> list[str]:
    """Requirements that packages cannot meet. Some can only be checked as root."""
    if sys.platform != "linux":
        return [f"Linux (this is {sys.platform})"]
    if shutil.which("unshare") is None:
        return ["the right to create namespaces and mounts: no `unshare` on PATH"]
    if os.geteuid() != 0:
        return []
    lines = []
    if error := _namespace_error():
        lines.append(f"the right to create namespaces and mounts: {error}")
    if read_only := cgroups.read_only():
        lines.append(f"writable control groups: {', '.join(map(str, read_only))}")
    return lines


def _namespace_error() -> str:
    command = ["unshare", "--pid", "--net", "--mount", "--uts", "--ipc", "--fork", "--mount-proc", "true"]
    answer = subprocess.run(command, capture_output=True, text=True)
    return "" if answer.returncode == 0 else answer.stderr.strip() or f"`{' '.join(command)}` failed"
