"""`python -m local.cluster.alb.launch`: the load balancers of one region, in namespaces of their own."""

from __future__ import annotations

import sys

from local.cluster import namespaces, network
from local.cluster.alb.lifecycle import arguments


def main() -> int:
    given = arguments().parse_args()
    there = network.load(given.state)
    if there is None:
        sys.exit(f"{given.state} has no network")
    program = [sys.executable, "-P", "-m", "local.cluster.alb.serve", *sys.argv[1:]]
    return namespaces.run(program, there.bridge, there.balancers_cable(given.region))


if __name__ == "__main__":
    sys.exit(main())
