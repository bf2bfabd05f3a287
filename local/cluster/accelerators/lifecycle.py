"""Starts the accelerators: one process for all of them."""

from __future__ import annotations

from pathlib import Path

from local.aws.emulator import Emulator
from local.cluster.accelerators import addresses
from local.cluster.model import Network
from local.machine.files import Progress, source_digest
from local.machine.processes import Processes, python_command

NAME = "accelerators"
SOURCES = (
    "local/cluster/accelerators/*.py",
    "local/cluster/alb/elb_api.py",
    "local/cluster/alb/health.py",
    "local/cluster/jobs.py",
    "local/cluster/namespaces.py",
    "plan/accelerator*.py",
)
"""A process of other sources is restarted."""


def start(state: Path, network: Network, aws: Emulator, aws_region: str, progress: Progress) -> None:
    """Start the process, unless it runs. `aws_region`: where the controller creates the load balancers."""
    processes = Processes(state, progress)
    serve = python_command("local.cluster.accelerators.serve", "--state", str(processes.state))
    serve += ["--aws", aws.url, "--aws-region", aws_region]
    arguments = [network.bridge, addresses.veth(network), *serve]
    environment = {"ACCELERATORS_SOURCE": source_digest(SOURCES)}
    processes.start_module(NAME, "local.cluster.namespaces", arguments, environment)
