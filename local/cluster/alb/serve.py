"""`python -m local.cluster.alb.serve`: the load balancers of one region, inside their namespaces."""

from __future__ import annotations

import argparse
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import NoReturn

from local.aws.emulator import tell_target_health
from local.cluster import network
from local.cluster.alb.addresses import Addresses, file_of
from local.cluster.alb.caddy import Proxy
from local.cluster.alb.elb_api import Reading
from local.cluster.alb.lifecycle import arguments
from local.cluster.alb.service import Service
from local.cluster.model import INTERFACE, Network
from local.machine import pki


def main() -> NoReturn:
    given = arguments().parse_args()
    there = network.load(given.state)
    if there is None:
        sys.exit(f"{given.state} has no network")
    _connect(there, given.region)
    _serve(given, there)


def _serve(given: argparse.Namespace, there: Network) -> NoReturn:
    # /run is a folder of these namespaces alone.
    proxy = Proxy(given.caddy, Path("/run"))
    addresses = Addresses(file_of(given.state, given.region), partial(there.balancer, given.region))
    reading = Reading(given.region, given.aws_region, given.aws)
    sign, tell = partial(pki.sign, given.state / "pki"), partial(tell_target_health, given.aws)
    Service(reading, proxy, addresses, sign, tell).run()


def _connect(there: Network, region: str) -> None:
    """Every address of the region's load balancers is this namespace's."""
    first = there.balancer(region, 1)
    for command in (
        "link set lo up",
        f"route add local {there.balancer(region, 0)}/24 dev lo",
        f"link set {INTERFACE} up",
        f"route add {there.whole} dev {INTERFACE} src {first}",
        f"route add default via {there.host} dev {INTERFACE} src {first}",
    ):
        subprocess.run(["ip", *command.split()], check=True)


if __name__ == "__main__":
    main()
