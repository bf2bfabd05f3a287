"""`python -m local.cluster.alb.serve`: serves one region's load balancers, in namespaces of their own."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import NoReturn

from local.aws.emulator import report_target_health
from local.cluster import network as cluster_network
from local.cluster.alb.addresses import Addresses, file_of
from local.cluster.alb.caddy import Caddy
from local.cluster.alb.elb_api import ElbApi
from local.cluster.alb.service import Service
from local.cluster.model import INTERFACE, Network
from local.machine import pki
from local.machine.commands import ip


def main() -> NoReturn:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    for name in ("--region", "--aws", "--aws-region", "--caddy"):
        parser.add_argument(name, required=True)
    args = parser.parse_args()
    network = cluster_network.load(args.state)
    if network is None:
        sys.exit(f"{args.state} has no network")
    _connect(network, args.region)
    # /run exists in these namespaces only.
    caddy = Caddy(args.caddy, Path("/run"))
    addresses = Addresses(file_of(args.state, args.region), partial(network.balancer, args.region))
    api = ElbApi(args.region, args.aws_region, args.aws)
    sign, report = partial(pki.sign, args.state / "pki"), partial(report_target_health, args.aws)
    Service(api, caddy, addresses, sign, report).run()


def _connect(network: Network, region: str) -> None:
    """This network namespace takes every address of the region's load balancers."""
    first = network.balancer(region, 1)
    for command in (
        "link set lo up",
        f"route add local {network.balancer(region, 0)}/24 dev lo",
        f"link set {INTERFACE} up",
        f"route add {network.cidr} dev {INTERFACE} src {first}",
        f"route add default via {network.host} dev {INTERFACE} src {first}",
    ):
        ip(command)


if __name__ == "__main__":
    main()
