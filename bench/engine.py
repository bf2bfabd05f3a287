"""What the program costs on the real engine and providers, beside a bare program with the same resources.

Each program has its own control plane, AWS emulator and state. Previews of the two alternate; then each
deploys once. `python -m bench.engine preview|up STATE PROGRAM` measures one operation in its own process.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from local.aws import emulator
from local.cluster import control_plane
from local.machine.files import REPOSITORY
from local.machine.processes import Processes
from local.pulumi import tools
from local.pulumi.stack import Stack

COMPANIES = (10, 50, 100)
ROUNDS = 3
MOST = 1.25
STACK = "dev"
ZONE, DOMAIN = "Z0123456789ABCDEFGHIJ", "agency.example.com"
PROGRAMS = {"program": REPOSITORY / "__main__.py", "bare": REPOSITORY / "bench" / "bare.py"}
PARTS = {"engine": "bin/pulumi", "kubernetes": "pulumi-resource-kubernetes", "aws": "local.aws.provider"}
"""Processes by a part of their command line; `program` is the measured process itself."""
SAMPLE_SECONDS = 0.5
WIDTHS = (9, 9, 8, 9, 7, 6, 10, 32)


class WithoutPolicies(Stack):
    """The policy pack costs the same for both programs, and would hide their difference."""

    @property
    def _policy_packs(self) -> list[str]:
        return []


def main() -> None:
    print(f"real engine; seconds: median of {ROUNDS} previews each in turn, one first up; peak memory in MB")
    heads = ("companies", "resources", "", "program", "bare", "ratio", "min–max", "memory")
    _row(*heads)
    for companies in COMPANIES:
        with tempfile.TemporaryDirectory() as folder:
            _compare(companies, Path(folder))
    print(f"to hold: the median ratio of previews at most {MOST}")


def _compare(companies: int, folder: Path) -> None:
    stack_file, graph = folder / "stack.yaml", folder / "graph.json"
    stack_file.write_text(_stack_file(companies), encoding="utf-8")
    recorded = _run("bench.one", "program", str(stack_file), str(graph))
    os.environ["BENCH_GRAPH"] = str(graph)
    with _services(folder / "program", stack_file), _services(folder / "bare", stack_file):
        for operation, rounds in (("preview", ROUNDS), ("up", 1)):
            pairs = [
                {name: _measure(operation, folder / name, path) for name, path in PROGRAMS.items()}
                for _ in range(rounds)
            ]
            ratios = [pair["program"]["seconds"] / pair["bare"]["seconds"] for pair in pairs]
            program, bare = (statistics.median(pair[name]["seconds"] for pair in pairs) for name in PROGRAMS)
            peaks = [pair["program"]["memory"] for pair in pairs]
            memory = {part: max(peak[part] for peak in peaks) for part in ("program", *PARTS)}
            _row(
                companies,
                recorded["resources"],
                operation,
                f"{program:.1f}",
                f"{bare:.1f}",
                f"{statistics.median(ratios):.2f}",
                f"{min(ratios):.2f}–{max(ratios):.2f}",
                " ".join(f"{part} {peak:.0f}" for part, peak in memory.items()),
            )


def _stack_file(companies: int) -> str:
    cluster = {"context": control_plane.CONTEXT}
    values = {
        "domain": DOMAIN,
        "hostedZoneId": ZONE,
        "images": {"agency": "registry.example.com/agency:1.4.2"},
        "waitForReady": False,
        "regions": [
            {
                "name": name,
                "cluster": cluster,
                "endpoint": f"{name}.example.net",
                "ingressFrom": ["10.0.0.0/24"],
            }
            for name in ("us-east-1", "eu-west-1")
        ],
        "companies": [{"name": f"company-{number}"} for number in range(companies)],
    }
    config = {f"digital-agency:{key}": value for key, value in values.items()}
    return yaml.safe_dump({"config": {"aws:region": emulator.REGION, **config}})


@contextmanager
def _services(state: Path, stack_file: Path) -> Iterator[None]:
    """A control plane, an emulator and the engine, for one program."""
    state.mkdir(mode=0o700)
    quiet = lambda line: None  # noqa: E731
    try:
        with ThreadPoolExecutor(1) as pool:
            engine = tools.provide(state, quiet, lambda question: False, pool)
            control_plane.start(state, quiet)
            aws = emulator.start(state, quiet)
            emulator.ensure_hosted_zone(aws.url, ZONE, DOMAIN)
            engine.result()
        (state / "stack.yaml").write_text(stack_file.read_text(encoding="utf-8"), encoding="utf-8")
        yield
    finally:
        Processes(state).stop_all()


def _measure(operation: str, state: Path, program: Path) -> dict[str, Any]:
    return _run("bench.engine", operation, str(state), str(program))


def _run(*command: str) -> dict[str, Any]:
    """The JSON that a module prints."""
    done = subprocess.run([sys.executable, "-m", *command], check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def operate(operation: str, state: Path, program: Path) -> None:
    """Print `{"seconds": wall-clock time, "memory": MB by process}`."""
    aws = emulator.find(state)
    assert aws is not None
    services = {**aws.environment(), "KUBECONFIG": str(state / control_plane.KUBECONFIG)}
    stack = WithoutPolicies(state, STACK, program, services, lambda line: None)
    stack.prepare(state / "stack.yaml")
    memory, done = dict.fromkeys(("program", *PARTS), 0.0), threading.Event()
    sampling = threading.Thread(target=_sample, args=(memory, str(state), done))
    sampling.start()
    began = time.monotonic()
    try:
        result = stack.preview(show=False) if operation == "preview" else stack.up(0)
    finally:
        done.set()
        sampling.join()
    assert result.steps, "nothing was deployed"
    print(json.dumps({"seconds": time.monotonic() - began, "memory": memory}))


def _sample(memory: dict[str, float], state: str, done: threading.Event) -> None:
    """Keep the peaks: the kernel's VmHWM of each process, read until it ends."""
    while not done.wait(SAMPLE_SECONDS):
        memory["program"] = _peak(Path("/proc/self"))
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_text().replace("\0", " ")
                environment = (process / "environ").read_text()
                part = next((part for part, text in PARTS.items() if text in command), None)
                if part and state in environment:
                    memory[part] = max(memory[part], _peak(process))
            except (OSError, StopIteration):  # it has ended
                continue


def _peak(process: Path) -> float:
    """MB."""
    lines = (process / "status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def _row(*cells: object) -> None:
    print(" ".join(f"{cell!s:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True)), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        operate(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
