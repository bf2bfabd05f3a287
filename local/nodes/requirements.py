"""What a machine must have for nodes of its own; what is missing is told by name, with how to get it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from local.nodes import cgroups

PACKAGES = {
    "gcc": "gcc",
    "ip": "iproute2",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "pkg-config": "pkg-config",
    "unshare": "util-linux",
}
"""Debian's package for each program."""
LIBRARIES = {"libseccomp": "libseccomp-dev"}


def missing() -> list[str]:
    """A line for each thing that this machine has not; empty where nodes can run."""
    if sys.platform != "linux":
        return [f"Linux (this is {sys.platform})"]
    programs = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    if "pkg-config" not in programs:
        programs += [package for library, package in LIBRARIES.items() if not _has_library(library)]
    found = [f"packages: apt-get install {' '.join(sorted(programs))}"] if programs else []
    if os.geteuid() != 0:
        return [*found, "root: nodes make namespaces, mounts and interfaces"]
    if "util-linux" not in programs and (refused := _refused_namespaces()):
        found.append(f"the right to make namespaces and mounts: {refused}")
    if fixed := cgroups.read_only():
        found.append(f"writable control groups: {', '.join(map(str, fixed))}")
    return found


def _has_library(name: str) -> bool:
    return subprocess.run(["pkg-config", "--exists", name], capture_output=True).returncode == 0


def _refused_namespaces() -> str:
    command = ["unshare", "--pid", "--net", "--mount", "--uts", "--ipc", "--fork", "--mount-proc", "true"]
    answer = subprocess.run(command, capture_output=True, text=True)
    return "" if answer.returncode == 0 else answer.stderr.strip() or f"`{' '.join(command)}` failed"
