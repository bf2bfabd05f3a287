"""Starts the load balancers of the regions: one process a region."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from local.aws.emulator import Emulator
from local.cluster.model import Network
from local.machine.files import Progress, source_digest
from local.machine.processes import Processes, python_command
from local.programs import catalog

SOURCES = ("local/cluster/alb/*.py", "local/cluster/jobs.py", "local/cluster/namespaces.py")
"""A process of other sources is restarted."""


def name_of(region: str) -> str:
    """The name of the process."""
    return f"alb-{region}"


def start(
    state: Path, network: Network, regions: Iterable[str], aws: Emulator, aws_region: str, progress: Progress
) -> None:
    """Start the processes that do not run. `aws_region`: where the controller creates the load balancers."""
    caddy = catalog.binary("caddy", progress)
    processes = Processes(state, progress)
    for region in regions:
        serve = python_command("local.cluster.alb.serve", "--state", str(processes.state), "--region", region)
        serve += ["--aws", aws.url, "--aws-region", aws_region, "--caddy", str(caddy)]
        arguments = [network.bridge, network.balancers_veth(region), *serve]
        environment = {"ALB_SOURCE": source_digest(SOURCES)}
        processes.start_module(name_of(region), "local.cluster.namespaces", arguments, environment)
