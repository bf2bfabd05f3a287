"""`python -m local.cluster.alb.launch`: starts one region's load balancers in new namespaces."""

from __future__ import annotations

import sys

from local.cluster import namespaces
from local.cluster.alb.lifecycle import arguments, network_of


def main() -> int:
    args = arguments().parse_args()
    network = network_of(args.state)
    program = [sys.executable, "-P", "-m", "local.cluster.alb.serve", *sys.argv[1:]]
    return namespaces.run(program, network.bridge, network.balancers_cable(args.region))


if __name__ == "__main__":
    sys.exit(main())
