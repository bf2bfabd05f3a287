"""`python -m tests`: all tests but the slow ones, the check of types, and the builds of what is missing.

The nodes' promises are about seconds: beside them only unit tests and that check run, behind all else. Then
gates, the engine and other services run side by side.

`python -m tests unit`: the unit tests (`tests/tiers.py`), half of them in each of two processes.
`python -m tests slow`: the slow tests, which the others leave out.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from local.programs.build import ensure
from local.programs.catalog import PROGRAMS
from tests.background import NICEST, background

ROOT = Path(__file__).resolve().parent.parent
NODES = ("tests/nodes",)
WAITING = ("tests/gate", "tests/controller")
HALF = (*WAITING, "tests/drill", "tests/ops", "tests/plan", "tests/settings")
"""About half of the time that the unit tests take."""
ENGINE = ("tests/day_two", "tests/local", "tests/policy_pack", "tests/aws_provider")
"""The Pulumi engine, on control planes and the AWS emulator."""
SLOW_PROGRAMS = ("admission-webhook", "d2", "external-dns", "kube-score")
"""Programs that only slow tests need."""
APART = ("unshare", "--pid", "--mount-proc", "--fork", "--kill-child", "sh", "-c", '"$@"; exit $?', "sh")
"""A gate finds its application among all processes that it sees, and must see no other test's. The first of a
namespace, here a shell, has to wait for those that lost their parent."""
PYTEST = (sys.executable, "-m", "pytest")


def main(tier: str = "") -> int:
    """The worst exit code of all. Raises BuildError when a program cannot be built."""
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the tests, which then put everything back.
    failed: list[str] = []
    codes = {"unit": unit_tests, "slow": slow_tests, "": all_tests}[tier](failed)
    for line in failed:
        print(line)
    return max(codes)


def unit_tests(failed: list[str]) -> list[int]:
    with ThreadPoolExecutor() as pool:
        halves = [
            pool.submit(_end, failed, "unit", [*PYTEST, "-m", "unit"], *half)
            for half in (HALF, _all_but(HALF))
        ]
        return [half.result() for half in halves]


def all_tests(failed: list[str]) -> list[int]:
    programs = [program for name, program in PROGRAMS.items() if name not in SLOW_PROGRAMS]
    quick, services = ("-m", "not slow"), ("-m", "services and not slow")
    with background() as behind, ThreadPoolExecutor() as pool:

        def begin(name: str, command: Sequence[str], *arguments: str) -> Future[int]:
            return pool.submit(_end, failed, name, command, *arguments)

        building = pool.submit(ensure, programs, lambda line: _print("building", line))
        beside = [
            begin("types", [*behind, sys.executable, "-m", "mypy"]),
            begin("unit", [*behind, *PYTEST], "-m", "unit", *_all_but(WAITING)),
        ]
        codes = [begin("nodes", PYTEST, *quick, *NODES).result()]
        if codes != [pytest.ExitCode.INTERRUPTED]:
            parts = [
                begin("gates", [*NICEST, *_gates()], *quick, *WAITING),
                begin("engine", PYTEST, *services, *ENGINE),
                begin("services", [*NICEST, *PYTEST], *services, *_all_but(WAITING, ENGINE)),
            ]
            codes += [part.result() for part in (*parts, *beside)]
        building.result()
        return codes


def slow_tests(failed: list[str]) -> list[int]:
    """One after another: they need a machine for themselves."""
    parts = (
        ("gates", _gates(), WAITING),
        ("nodes", PYTEST, NODES),
        ("services", PYTEST, _all_but(WAITING, NODES)),
    )
    return [_end(failed, name, command, "-m", "slow", *folders) for name, command, folders in parts]


def _all_but(*groups: Sequence[str]) -> list[str]:
    return [f"--ignore={folder}" for group in groups for folder in group]


def _gates() -> Sequence[str]:
    """The command for tests of gates: apart from other processes, where this machine allows it."""
    apart = subprocess.run([*APART, "true"], stderr=subprocess.DEVNULL).returncode == 0
    return [*(APART if apart else ()), *PYTEST]


def _end(failed: list[str], name: str, command: Sequence[str], *arguments: str) -> int:
    """Run it, with its name before each line that it prints; what failed is added to `failed`."""
    process = subprocess.Popen(
        [*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        _print(name, line.rstrip("\n"))
        if line.startswith(("FAILED ", "ERROR ")) or ": error: " in line:
            failed.append(line.rstrip("\n"))
    return abs(process.wait())


def _print(name: str, line: str) -> None:
    print(f"{name:>9} | {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
