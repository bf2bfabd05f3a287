"""`python -m tests`: all tests but the slow ones, the check of types, and the builds of what is missing.

First what keeps processors busy: builds, unit tests and types. Then the nodes alone, whose promises are
about seconds. Then the engine, and beside it the gates, which mostly wait, and other services.

`python -m tests unit`: the unit tests (`tests/tiers.py`), half of them in each of two processes.
`python -m tests slow`: the slow tests, which the others leave out.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.programs.build import ensure
from local.programs.catalog import PROGRAMS

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
Task = Callable[[], int]


def main(tier: str = "") -> int:
    """The worst exit code of all. Raises BuildError when a program cannot be built."""
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the tests, which then put everything back.
    failed: list[str] = []
    codes = {"unit": unit_tests, "slow": slow_tests, "": all_tests}[tier](failed)
    for line in failed:
        print(line)
    return max(codes)


def unit_tests(failed: list[str]) -> list[int]:
    halves = HALF, _all_but(HALF)
    return _together(
        *(lambda half=half: _end(failed, "unit", *PYTEST, "-m", "unit", *half) for half in halves)
    )


def all_tests(failed: list[str]) -> list[int]:
    services = ("-m", "services and not slow")
    steps: list[tuple[Task, ...]] = [
        (
            _build,
            lambda: _end(failed, "types", sys.executable, "-m", "mypy"),
            lambda: max(unit_tests(failed)),
        ),
        (lambda: _end(failed, "nodes", *PYTEST, "-m", "not slow", *NODES),),
        (
            lambda: _end(failed, "engine", *PYTEST, *services, *ENGINE),
            lambda: max(
                _end(failed, "gates", *_gates(), *services, *WAITING),
                _end(failed, "services", *PYTEST, *services, *_all_but(WAITING, ENGINE)),
            ),
        ),
    ]
    codes: list[int] = []
    for step in steps:
        if pytest.ExitCode.INTERRUPTED not in codes:
            codes += _together(*step)
    return codes


def _build() -> int:
    programs = [program for name, program in PROGRAMS.items() if name not in SLOW_PROGRAMS]
    ensure(programs, lambda line: _print("building", line))
    return 0


def _together(*tasks: Task) -> list[int]:
    with ThreadPoolExecutor(len(tasks)) as pool:
        return [done.result() for done in [pool.submit(task) for task in tasks]]


def slow_tests(failed: list[str]) -> list[int]:
    """One after another: they need a machine for themselves."""
    parts = (
        ("gates", _gates(), WAITING),
        ("nodes", PYTEST, NODES),
        ("services", PYTEST, _all_but(WAITING, NODES)),
    )
    return [_end(failed, name, *command, "-m", "slow", *folders) for name, command, folders in parts]


def _all_but(*groups: Sequence[str]) -> list[str]:
    return [f"--ignore={folder}" for group in groups for folder in group]


def _gates() -> Sequence[str]:
    """The command for tests of gates: apart from other processes, where this machine allows it."""
    apart = subprocess.run([*APART, "true"], stderr=subprocess.DEVNULL).returncode == 0
    return [*(APART if apart else ()), *PYTEST]


def _end(failed: list[str], name: str, *command: str) -> int:
    """Run it, with its name before each line that it prints; what failed is added to `failed`."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
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
