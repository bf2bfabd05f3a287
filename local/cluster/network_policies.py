"""How a node enforces network policies: the kernel queues the first packet of each connection of a pod for
the program kube-network-policies, which accepts or drops the packet.

Without a verdict the packet is dropped: before the program runs, while it hangs, and after it has ended.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from local.cluster.model import INTERFACE

PROGRAM = "kube-network-policies"
QUEUE = 100
QUEUES = Path("/proc/net/netfilter/nfnetlink_queue")
COMMAND = ("iptables-restore", "--wait", "--noflush")
RULES = f"""*mangle
:POLICIES - [0:0]
-A POLICIES -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
-A POLICIES -m conntrack --ctstate INVALID -j DROP
-A POLICIES -j NFQUEUE --queue-num {QUEUE}
-A FORWARD -j POLICIES
-A INPUT -i lo -j ACCEPT
-A INPUT -i {INTERFACE} -j ACCEPT
-A INPUT -j POLICIES
COMMIT
"""
"""A packet that comes neither from the node itself nor from its interface comes from a pod."""


def obstacle() -> str:
    """Why this machine's kernel cannot enforce network policies; empty if it can."""
    answer = _load(["unshare", "--net", *COMMAND])
    return "" if answer.returncode == 0 else answer.stderr.strip() or f"`{COMMAND[0]}` failed"


def install_rules() -> None:
    """In this network namespace, before a pod starts."""
    answer = _load(COMMAND)
    if answer.returncode != 0:
        raise OSError(f"`{' '.join(COMMAND)}` failed: {answer.stderr.strip()}")


def is_enforced() -> bool:
    """Whether a program reads the queue of this network namespace."""
    return any(line.split()[0] == str(QUEUE) for line in QUEUES.read_text().splitlines())


def _load(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=RULES, capture_output=True, text=True)
