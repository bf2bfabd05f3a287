"""Starts the load balancers of the regions: one process a region."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from local.aws.emulator import Emulator
from local.cluster import network
from local.cluster.model import Network
from local.machine.files import REPOSITORY, Progress, source_digest
from local.machine.processes import Processes
from local.programs import catalog

SOURCES = ("local/cluster/alb/*.py", "local/cluster/namespaces.py")
"""A process of other sources is restarted."""


def name_of(region: str) -> str:
    """The name of the process."""
    return f"alb-{region}"


def start(state: Path, regions: Iterable[str], aws: Emulator, aws_region: str, progress: Progress) -> None:
    """Start the processes that do not run. `aws_region`: where the controller creates the load balancers."""
    caddy = catalog.binary("caddy", progress)
    processes = Processes(state, progress)
    for region in regions:
        argv = [sys.executable, "-P", "-m", "local.cluster.alb.launch", "--state", str(processes.state)]
        argv += ["--region", region, "--aws", aws.url, "--aws-region", aws_region, "--caddy", str(caddy)]
        environment = {"PYTHONPATH": str(REPOSITORY), "ALB_SOURCE": source_digest(SOURCES)}
        processes.start(name_of(region), argv, environment)


def arguments() -> argparse.ArgumentParser:
    """The command line of `launch` and `serve`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    for name in ("--region", "--aws", "--aws-region", "--caddy"):
        parser.add_argument(name, required=True)
    return parser


def network_of(state: Path) -> Network:
    """Ends the process when the cluster has no network."""
    return network.load(state) or sys.exit(f"{state} has no network")
