"""`make bench`: what the program costs over a bare one that registers the same resources, on the recorder and
on the real engine, and what the failover controller costs while it runs."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from bench import controller, engine

COMPANIES = (10, 50, 100)
ROUNDS = 5
MOST = 1.25
"""What the design allows, of the median ratio."""


def stack_file(companies: int) -> str:
    regions = [
        {"name": name, "cluster": {"eks": "blue"}, "ingressFrom": ["10.0.0.0/24"]}
        for name in ("us-east-1", "eu-west-1")
    ]
    values = {
        "domain": "agency.example.com",
        "hostedZoneId": "Z0123456789ABCDEFGHIJ",
        "images": {"agency": "registry.example.com/agency:1.4.2"},
        "regions": regions,
        "companies": [{"name": f"company-{n}", "edge": 1 + n // 90} for n in range(companies)],
    }
    return yaml.safe_dump({"config": {f"digital-agency:{key}": value for key, value in values.items()}})


def measure(variant: str, stack: Path, graph: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.one", variant, str(stack), str(graph)]
    found: dict[str, Any] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )
    return found


def main() -> None:
    print(f"render, {ROUNDS} rounds each in turn; CPU seconds (median), ratio of each round, peak memory")
    heads = ("companies", "resources", "program", "bare", "ratio", "min–max", "memory")
    print(" ".join(f"{head:>{width}}" for head, width in zip(heads, (9, 9, 9, 7, 6, 10, 8), strict=True)))
    with tempfile.TemporaryDirectory() as folder:
        for companies in COMPANIES:
            stack, graph = Path(folder) / f"{companies}.yaml", Path(folder) / f"{companies}.json"
            stack.write_text(stack_file(companies))
            measure("program", stack, graph)
            rounds = [
                (measure("program", stack, graph), measure("bare", stack, graph)) for _ in range(ROUNDS)
            ]
            ratios = [ours["seconds"] / bare["seconds"] for ours, bare in rounds]
            ours, bare = (statistics.median(one[side]["seconds"] for one in rounds) for side in (0, 1))
            spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
            memory = max(one[0]["megabytes"] for one in rounds)
            print(
                f"{companies:>9} {rounds[0][0]['resources']:>9} {ours:>8.2f}s {bare:>6.2f}s"
                f" {statistics.median(ratios):>6.2f} {spread:>10} {memory:>5.0f} MB",
                flush=True,
            )
    print(f"to hold: ratio at most {MOST}, memory under 500 MB")
    engine.main()
    controller.main()


if __name__ == "__main__":
    main()
