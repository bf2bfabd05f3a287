"""`python -m tests`: all tests, in processes side by side, since most of them wait more than they work.
Beside them what is missing is built. The nodes' promises are about seconds, so all others get what the nodes
leave; so do they beside the builds, for which the nodes wait. Unit tests come before those of services, whose
control plane takes part of a core as long as it runs.

`python -m tests unit`: the unit tests (`tests/tiers.py`), half of them in each of two processes.
`python -m tests slow`: the slow tests, which the others leave out.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.programs.build import ensure
from local.programs.catalog import PROGRAMS

ROOT = Path(__file__).resolve().parent.parent
NODES = ("tests/nodes",)
SNAPSHOTS = ("tests/gate/snapshot",)
"""About half of the time that gates take."""
WAITING = ("tests/gate", "tests/controller")
HALF = (*WAITING, "tests/drill", "tests/ops", "tests/plan", "tests/settings")
"""About half of the time that the unit tests take."""
ENGINE = ("tests/day_two", "tests/local", "tests/policy_pack", "tests/aws_provider")
"""The Pulumi engine, on control planes and the AWS emulator."""
OTHERS = tuple(f"--ignore={folder}" for folder in (*NODES, *WAITING, *ENGINE))
QUICK = ("-m", "not slow")
SLOW_PROGRAMS = ("external-dns",)
"""Programs that only slow tests need."""
APART = ("unshare", "--pid", "--mount-proc", "--fork", "--kill-child", "sh", "-c", '"$@"; exit $?', "sh")
"""A gate finds its application among all processes that it sees, and must see no other test's. The first of a
namespace, here a shell, has to wait for those that lost their parent."""
NICEST = ("nice", "-n", "19")
LANES = 6
"""What runs side by side, the builds included."""
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
    rest = [f"--ignore={folder}" for folder in HALF]
    with ThreadPoolExecutor() as pool:
        halves = [pool.submit(_end, failed, "unit", [*PYTEST, "-m", "unit"], *half) for half in (HALF, rest)]
        return [half.result() for half in halves]


def all_tests(failed: list[str]) -> list[int]:
    gates, apart = _gates()
    rest = [f"--ignore={folder}" for folder in SNAPSHOTS]
    nicest = [*NICEST, *PYTEST]
    programs = [program for name, program in PROGRAMS.items() if name not in SLOW_PROGRAMS]
    with ThreadPoolExecutor(LANES) as pool:
        building = pool.submit(ensure, programs, lambda line: _print("building", line))
        snapshots = pool.submit(_end, failed, "snapshots", gates, *QUICK, *SNAPSHOTS)
        if not apart:
            snapshots.result()
        parts = [
            snapshots,
            pool.submit(_end, failed, "gates", gates, *QUICK, *WAITING, *rest),
            pool.submit(_end, failed, "nodes", PYTEST, *QUICK, *NODES),
            pool.submit(_end, failed, "engine", nicest, *QUICK, *ENGINE),
            pool.submit(_units_and_services, failed, nicest),
        ]
        building.result()
        return [part.result() for part in parts]


def slow_tests(failed: list[str]) -> list[int]:
    """One after another: they are the ones that need a machine for themselves."""
    gates, _ = _gates()
    engine = (*ENGINE, "tests/external_dns")
    return [
        _end(failed, name, command, "-m", "slow", *folders)
        for name, command, folders in (
            ("gates", gates, WAITING),
            ("nodes", PYTEST, NODES),
            ("engine", PYTEST, engine),
        )
    ]


def _gates() -> tuple[Sequence[str], bool]:
    """The command for tests of gates, and whether they are apart from other processes."""
    apart = subprocess.run([*APART, "true"], stderr=subprocess.DEVNULL).returncode == 0
    return [*NICEST, *(APART if apart else ()), *PYTEST], apart


def _units_and_services(failed: list[str], pytest: Sequence[str]) -> int:
    marks = {"unit": "unit", "services": "not unit and not slow"}
    return max(_end(failed, tier, [*pytest, "-m", mark], *OTHERS) for tier, mark in marks.items())


def _end(failed: list[str], name: str, command: Sequence[str], *arguments: str) -> int:
    """Run it, with its name before each line that it prints; what failed is added to `failed`."""
    process = subprocess.Popen(
        [*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        _print(name, line.rstrip("\n"))
        if line.startswith(("FAILED ", "ERROR ")):
            failed.append(line.rstrip("\n"))
    return abs(process.wait())


def _print(name: str, line: str) -> None:
    print(f"{name:>9} | {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
