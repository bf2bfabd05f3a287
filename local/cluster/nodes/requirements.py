"""What a machine must have for nodes. Each requirement that is missing is one line of text."""

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
    """Install the packages that nodes need; return what this machine still lacks, empty where nodes can run.

    Installs nothing where nodes cannot run for another reason. Raises LocalError when packages stay missing.
    """
    if not _obstacles():
        packages.ensure(packages.for_nodes, progress, consent)
    return missing()


def missing() -> list[str]:
    """A line for each requirement that is missing; empty where nodes can run."""
    if sys.platform != "linux":
        return _obstacles()
    lacking = packages.for_nodes()
    found = [f"packages: apt-get install {' '.join(lacking)}"] if lacking else []
    if os.geteuid() != 0:
        found.append("root: nodes make namespaces, mounts and interfaces")
    return [*found, *_obstacles()]


def _obstacles() -> list[str]:
    """What neither packages nor another user can change. Only root can find out about the rest."""
    if sys.platform != "linux":
        return [f"Linux (this is {sys.platform})"]
    if shutil.which("unshare") is None:
        return ["the right to make namespaces and mounts: no `unshare` on PATH"]
    if os.geteuid() != 0:
        return []
    found = []
    if refused := _refused_namespaces():
        found.append(f"the right to make namespaces and mounts: {refused}")
    if fixed := cgroups.read_only():
        found.append(f"writable control groups: {', '.join(map(str, fixed))}")
    return found


def _refused_namespaces() -> str:
    command = ["unshare", "--pid", "--net", "--mount", "--uts", "--ipc", "--fork", "--mount-proc", "true"]
    answer = subprocess.run(command, capture_output=True, text=True)
    return "" if answer.returncode == 0 else answer.stderr.strip() or f"`{' '.join(command)}` failed"
