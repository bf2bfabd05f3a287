"""`python -m local.cluster.accelerators.serve`: serves all accelerators, in namespaces of their own."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import NoReturn

from local.access import balancers_of
from local.aws.emulator import report_target_health
from local.cluster import network as cluster_network
from local.cluster.accelerators import addresses, packet_filter
from local.cluster.accelerators.api import AcceleratorApi
from local.cluster.accelerators.service import Service
from local.cluster.alb.elb_api import ElbApi
from local.cluster.model import INTERFACE, PREFIX_LENGTH, Network
from local.machine.commands import ip


def main() -> NoReturn:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    for name in ("--aws", "--aws-region"):
        parser.add_argument(name, required=True)
    args = parser.parse_args()
    network = cluster_network.load(args.state)
    if network is None:
        sys.exit(f"{args.state} has no network")
    _connect(network)
    Service(
        api=AcceleratorApi(ElbApi("", args.aws_region, args.aws)),
        balancers=partial(balancers_of, args.state),
        publish=partial(addresses.publish, args.state),
        apply=partial(packet_filter.apply, source=addresses.inside(network)),
        report=partial(report_target_health, args.aws),
    ).run()


def _connect(network: Network) -> None:
    """This network namespace takes every address of accelerators."""
    packet_filter.prepare()
    for command in (
        "link set lo up",
        f"route add local {addresses.network_of(network)} dev lo",
        f"addr add {addresses.inside(network)}/{PREFIX_LENGTH} dev {INTERFACE}",
        f"link set {INTERFACE} up",
        f"route add {network.balancers} dev {INTERFACE}",
        f"route add default via {network.host} dev {INTERFACE}",
    ):
        ip(command)


if __name__ == "__main__":
    main()
