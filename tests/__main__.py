"""`python -m tests`: all tests. What needs no node runs in two processes side by side, since most of it waits
more than it works; the nodes then have the machine for themselves, as their promises are about seconds.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NODES = ("tests/nodes",)
WAITING = ("tests/gate", "tests/controller")
"""About half of the time that all but the nodes take."""
OTHERS = tuple(f"--ignore={folder}" for folder in (*NODES, *WAITING))
APART = ("unshare", "--pid", "--mount-proc", "--fork", "--kill-child")
"""A gate finds its application among all processes that it sees, and must see no other test's."""
PYTEST = (sys.executable, "-m", "pytest")


def main() -> int:
    """The worst exit code of all."""
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the tests, which then put everything back.
    codes: list[int] = []
    if subprocess.run([*APART, "true"], stderr=subprocess.DEVNULL).returncode == 0:
        waiting = threading.Thread(target=lambda: codes.append(_end("waiting", (*APART, *PYTEST), *WAITING)))
        waiting.start()
        codes.append(_end("others", PYTEST, *OTHERS))
        waiting.join()
    else:
        codes += [_end("waiting", PYTEST, *WAITING), _end("others", PYTEST, *OTHERS)]
    codes.append(_end("nodes", PYTEST, *NODES))
    return max(codes)


def _end(name: str, command: Sequence[str], *arguments: str) -> int:
    """Run it, with its name before each line that it prints."""
    process = subprocess.Popen(
        [*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        print(f"{name:>7} | {line}", end="", flush=True)
    return abs(process.wait())


if __name__ == "__main__":
    sys.exit(main())
