"""`python -m tests`: all tests, in two processes side by side, since most of them wait more than they work.

What makes nodes needs the machine itself. The gates' tests have a process namespace of their own beside it: a
gate finds its application among all processes that it sees, and must see no other test's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ON_THE_MACHINE = ("tests/nodes", "tests/local", "tests/validation", "tests/controller")
"""About half of the time that all tests take."""
APART = ("unshare", "--pid", "--mount-proc", "--fork", "--kill-child")
PYTEST = (sys.executable, "-m", "pytest")


def main() -> int:
    """The worse exit code of the two. Without root there is no namespace to have: one after the other."""
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the tests, which then put everything back.
    others = [f"--ignore={folder}" for folder in ON_THE_MACHINE]
    if os.geteuid() != 0:
        return max(_end("machine", PYTEST, *ON_THE_MACHINE), _end("apart", PYTEST, *others))
    codes: list[int] = []
    apart = threading.Thread(target=lambda: codes.append(_end("apart", (*APART, *PYTEST), *others)))
    apart.start()
    codes.append(_end("machine", PYTEST, *ON_THE_MACHINE))
    apart.join()
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
