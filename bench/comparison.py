"""The program beside a bare one that registers the same resources: their stack file, runs and figures."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

COMPANIES = (10, 50, 100)
VARIANTS = ("program", "bare")
MOST = 1.25
"""What the design allows, of the median ratio."""
REGIONS = ("us-east-1", "eu-west-1")
ZONE, DOMAIN = "Z0123456789ABCDEFGHIJ", "agency.example.com"

Pair = Mapping[str, Mapping[str, Any]]
"""One run of each variant."""


def stack_file(companies: int, regions: Mapping[str, Mapping[str, Any]], **settings: Any) -> str:
    """`regions`: the settings of each region, by name."""
    values = {
        "domain": DOMAIN,
        "hostedZoneId": ZONE,
        "images": {"agency": "registry.example.com/agency:1.4.2"},
        "regions": [
            {"name": name, "ingressFrom": ["10.0.0.0/24"], **region} for name, region in regions.items()
        ],
        "companies": [{"name": f"company-{number}", "edge": 1 + number // 90} for number in range(companies)],
        **settings,
    }
    config = {f"digital-agency:{key}": value for key, value in values.items()}
    return yaml.safe_dump({"config": {"aws:region": REGIONS[0], **config}})


def run(*command: str) -> dict[str, Any]:
    """The JSON in the last line that a module prints."""
    done = subprocess.run([sys.executable, "-m", *command], check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def figures(pairs: Sequence[Pair]) -> tuple[str, str, str, str]:
    """Median seconds of the program and of the bare one, median ratio, smallest and largest ratio."""
    ratios = [pair["program"]["seconds"] / pair["bare"]["seconds"] for pair in pairs]
    program, bare = (statistics.median(pair[name]["seconds"] for pair in pairs) for name in VARIANTS)
    spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
    return f"{program:.2f}", f"{bare:.2f}", f"{statistics.median(ratios):.2f}", spread


def row(widths: Sequence[int], *cells: object) -> None:
    print(" ".join(f"{cell!s:>{width}}" for cell, width in zip(cells, widths, strict=True)), flush=True)
