"""`python -m local.cluster.nodes.launch <node's folder>`: runs one node in new namespaces.

A node, even when it is killed, leaves nothing but its folder and its control groups (`cgroups.py`).
"""

from __future__ import annotations

import sys
from pathlib import Path

from local.cluster import namespaces
from local.cluster.model import Node
from local.cluster.nodes import cgroups
from local.machine.processes import python_command


def main() -> int:
    node = Node.load(Path(sys.argv[1]))
    # For each container in a control group of an earlier run the kubelet would take three seconds.
    cgroups.remove(node.cgroup)
    cgroups.create(node.cgroup)
    init = python_command("local.cluster.nodes.init", str(node.folder))
    return namespaces.run(init, node.network.bridge, node.network.veth(node.zone))


if __name__ == "__main__":
    sys.exit(main())
