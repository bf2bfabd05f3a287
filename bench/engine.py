"""What the program costs on the real engine and providers, beside a bare program with the same resources.

Each program has its own control plane, AWS emulator and state. Previews of the two alternate; then each
deploys once. `python -m bench.engine preview|up FOLDER VARIANT` measures one operation in its own process.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench.comparison import (
    COMPANIES,
    DOMAIN,
    MOST,
    REGIONS,
    VARIANTS,
    ZONE,
    figures,
    row,
    run,
    stack_file,
)
from local.aws import emulator
from local.cluster import control_plane
from local.machine.files import REPOSITORY
from local.machine.processes import Processes
from local.pulumi import tools
from local.pulumi.stack import Stack

ROUNDS = 3
STACK = "dev"
PROGRAMS = {"program": REPOSITORY / "__main__.py", "bare": REPOSITORY / "bench" / "bare.py"}
PARTS = {"engine": "bin/pulumi", "kubernetes": "pulumi-resource-kubernetes", "aws": "local.aws.provider"}
"""Processes by a part of their command line; `program` is the measured process itself."""
SAMPLE_SECONDS = 0.5
WIDTHS = (9, 9, 8, 9, 7, 6, 10, 32)


class WithoutPolicies(Stack):
    """The policy pack costs the same for both programs, and would hide their difference."""

    @property
    def policy_packs(self) -> list[str]:
        return []


def main() -> None:
    print(f"real engine; seconds: median of {ROUNDS} previews each in turn, one first up; peak memory in MB")
    row(WIDTHS, "companies", "resources", "", "program", "bare", "ratio", "min–max", "memory")
    for companies in COMPANIES:
        with tempfile.TemporaryDirectory() as folder:
            _compare(companies, Path(folder))
    print(f"to hold: the median ratio of previews at most {MOST}")


def _compare(companies: int, folder: Path) -> None:
    stack, graph = folder / "stack.yaml", folder / "graph.json"
    regions = {
        name: {"cluster": {"context": control_plane.CONTEXT}, "endpoint": f"{name}.example.net"}
        for name in REGIONS
    }
    stack.write_text(stack_file(companies, regions, waitForReady=False), encoding="utf-8")
    resources = run("bench.one", "program", str(stack), str(graph))["resources"]
    with _services(folder / "program"), _services(folder / "bare"):
        for operation, rounds in (("preview", ROUNDS), ("up", 1)):
            command = ("bench.engine", operation, str(folder))
            pairs = [{name: run(*command, name) for name in VARIANTS} for _ in range(rounds)]
            peaks = [pair["program"]["memory"] for pair in pairs]
            memory = [f"{part} {max(peak[part] for peak in peaks):.0f}" for part in ("program", *PARTS)]
            row(WIDTHS, companies, resources, operation, *figures(pairs), " ".join(memory))


@contextmanager
def _services(state: Path) -> Iterator[None]:
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
        yield
    finally:
        Processes(state).stop_all()


def operate(operation: str, folder: Path, variant: str) -> None:
    """Print `{"seconds": wall-clock time, "memory": MB by process}`."""
    state = folder / variant
    aws = emulator.find(state)
    assert aws is not None
    os.environ["BENCH_GRAPH"] = str(folder / "graph.json")
    services = {**aws.environment(), "KUBECONFIG": str(state / control_plane.KUBECONFIG)}
    stack = WithoutPolicies(state, STACK, PROGRAMS[variant], services, lambda line: None)
    stack.prepare(folder / "stack.yaml")
    memory, done = dict.fromkeys(("program", *PARTS), 0.0), threading.Event()
    sampling = threading.Thread(target=_sample, args=(memory, str(state), done))
    sampling.start()
    began = time.monotonic()
    try:
        result = stack.preview(show=False) if operation == "preview" else stack.up()
    finally:
        seconds = time.monotonic() - began
        done.set()
        sampling.join()
    assert result.steps, "nothing was deployed"
    print(json.dumps({"seconds": seconds, "memory": memory}))


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
            except (OSError, StopIteration):  # the process has ended
                continue


def _peak(process: Path) -> float:
    """MB."""
    lines = (process / "status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    if len(sys.argv) > 1:
        operate(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
    else:
        main()
