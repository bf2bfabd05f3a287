"""Starts the load balancers of a local cluster's regions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from local.aws.emulator import Emulator
from local.machine.files import REPOSITORY, Progress, source_digest
from local.machine.processes import Processes
from local.programs import catalog

SOURCES = ("local/cluster/alb/*.py", "local/cluster/namespaces.py")
"""A process of other sources is restarted."""


def name_of(region: str) -> str:
    """Of the process of a region's load balancers."""
    return f"alb-{region}"


def start(state: Path, regions: Iterable[str], aws: Emulator, aws_region: str, progress: Progress) -> None:
    """Start what does not run. `aws_region`: of the API where the load balancers are made."""
    caddy = catalog.binary("caddy", progress)
    processes = Processes(state, progress)
    for region in regions:
        argv = [sys.executable, "-P", "-m", "local.cluster.alb.launch", "--state", str(processes.state)]
        argv += ["--region", region, "--aws", aws.url, "--aws-region", aws_region, "--caddy", str(caddy)]
        environment = {"PYTHONPATH": str(REPOSITORY), "ALB_SOURCE": source_digest(SOURCES)}
        processes.start(name_of(region), argv, environment)


def arguments() -> argparse.ArgumentParser:
    """Of the programs that `start` starts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    for name in ("--region", "--aws", "--aws-region", "--caddy"):
        parser.add_argument(name, required=True)
    return parser
