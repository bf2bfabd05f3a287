"""How a node enforces network policies: its kernel holds the first packet of a pod's connections until the
program kube-network-policies has decided about the packet.

Without a decision the packet is dropped: before the program runs, while the program hangs, and after its end.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from local.nodes.plan import INTERFACE, Network

PROGRAM = "kube-network-policies"
QUEUE = 100
QUEUES = Path("/proc/net/netfilter/nfnetlink_queue")
COMMAND = ("iptables-restore", "--wait", "--noflush")
UNUSED = Network(prefix="10.0", bridge="", numbers={})


def obstacle() -> str:
    """Why this machine's kernel cannot do this; empty where it can."""
    answer = _load(["unshare", "--net", *COMMAND], UNUSED)
    return "" if answer.returncode == 0 else answer.stderr.strip() or f"`{COMMAND[0]}` failed"


def hold_back(network: Network) -> None:
    """In the node's network namespace, before a pod is there."""
    answer = _load(COMMAND, network)
    if answer.returncode != 0:
        raise OSError(f"`{' '.join(COMMAND)}` failed: {answer.stderr.strip()}")


def are_decided() -> bool:
    """Whether a program listens to the queue of this network namespace."""
    return any(line.split()[0] == str(QUEUE) for line in QUEUES.read_text().splitlines())


def _load(command: Sequence[str], network: Network) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=_rules(network), capture_output=True, text=True)


def _rules(network: Network) -> str:
    """What comes in neither from the node itself nor by its cable comes from a pod."""
    return f"""*mangle
:POLICIES - [0:0]
-A POLICIES -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
-A POLICIES -m conntrack --ctstate INVALID -j DROP
-A POLICIES -s {network.nodes} -j RETURN
-A POLICIES -j NFQUEUE --queue-num {QUEUE}
-A FORWARD -j POLICIES
-A INPUT -i lo -j ACCEPT
-A INPUT -i {INTERFACE} -j ACCEPT
-A INPUT -j POLICIES
COMMIT
"""
