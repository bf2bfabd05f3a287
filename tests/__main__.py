"""`python -m tests`: all tests. What needs no node runs in two processes side by side, since most of it waits
more than it works, and beside them what is missing is built. The nodes then have the machine for themselves,
for their promises are about seconds.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.build import PARTS, ensure

ROOT = Path(__file__).resolve().parent.parent
NODES = ("tests/nodes",)
WAITING = ("tests/gate", "tests/controller")
"""About half of the time that all but the nodes take."""
OTHERS = tuple(f"--ignore={folder}" for folder in (*NODES, *WAITING))
APART = ("unshare", "--pid", "--mount-proc", "--fork", "--kill-child", "sh", "-c", '"$@"; exit $?', "sh")
"""A gate finds its application among all processes that it sees, and must see no other test's. The first of a
namespace, here a shell, has to wait for those that lost their parent."""
PYTEST = (sys.executable, "-m", "pytest")


def main() -> int:
    """The worst exit code of all. Raises BuildError when a program cannot be built."""
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the tests, which then put everything back.
    apart = subprocess.run([*APART, "true"], stderr=subprocess.DEVNULL).returncode == 0
    with ThreadPoolExecutor() as pool:
        building = pool.submit(ensure, PARTS.values(), lambda line: _print("building", line))
        waiting = pool.submit(_end, "waiting", [*(APART if apart else ()), *PYTEST], *WAITING)
        if not apart:
            waiting.result()
        codes = [_end("others", PYTEST, *OTHERS), waiting.result()]
    building.result()
    return max(*codes, _end("nodes", PYTEST, *NODES))


def _end(name: str, command: Sequence[str], *arguments: str) -> int:
    """Run it, with its name before each line that it prints."""
    process = subprocess.Popen(
        [*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        _print(name, line.rstrip("\n"))
    return abs(process.wait())


def _print(name: str, line: str) -> None:
    print(f"{name:>8} | {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
