"""Starts the load balancers of a local cluster's regions."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

from local import build, parts
from local.emulator import Emulator
from local.files import Progress
from local.processes import Processes

REPOSITORY = Path(__file__).parent.parent.parent
SOURCES = ("local/alb/*.py", "local/nodes/namespaces.py")


def name_of(region: str) -> str:
    """Of the process of a region's load balancers."""
    return f"alb-{region}"


def start(state: Path, regions: Iterable[str], aws: Emulator, aws_region: str, progress: Progress) -> None:
    """Start what does not run. `aws_region`: of the API where the load balancers are made."""
    caddy = build.ensure([parts.PARTS["caddy"]], progress)["caddy"]
    processes = Processes(state, progress)
    for region in regions:
        argv = [sys.executable, "-P", "-m", "local.alb", "--state", str(processes.state)]
        argv += ["--region", region, "--aws", aws.url, "--aws-region", aws_region, "--caddy", str(caddy)]
        told = {"PYTHONPATH": str(REPOSITORY), "ALB_SOURCE": _source()}
        processes.start(name_of(region), argv, told)


def arguments() -> argparse.ArgumentParser:
    """Of the programs that `start` starts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    for name in ("--region", "--aws", "--aws-region", "--caddy"):
        parser.add_argument(name, required=True)
    return parser


def _source() -> str:
    """What the program is made of: one that was started from other code is started anew."""
    files = [file for pattern in SOURCES for file in sorted(REPOSITORY.glob(pattern))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
