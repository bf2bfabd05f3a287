"""One node, as a process: `python -m local.cluster.nodes.launch <node's folder>`.

A node leaves nothing behind, also when somebody kills it, but its folder and its control groups
(`cgroups.py`).
"""

from __future__ import annotations

import sys
from pathlib import Path

from local.cluster import namespaces
from local.cluster.model import Node
from local.cluster.nodes import cgroups


def main() -> int:
    node = Node.load(Path(sys.argv[1]))
    # The kubelet would look for three seconds at each container that an earlier run has left there.
    cgroups.remove(node.cgroup)
    cgroups.make(node.cgroup)
    first = [sys.executable, "-P", "-m", "local.cluster.nodes.init", str(node.folder)]
    return namespaces.run(first, node.network.bridge, node.network.cable(node.region))


if __name__ == "__main__":
    sys.exit(main())
