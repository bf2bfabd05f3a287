"""A command of `python -m ops` that ends in good order with the process that started it.

    python -m ops.mcp.child <command> …

Its standard input is a pipe of that process. The pipe's end, for whatever reason, is the same as SIGTERM: the
command puts back what it changed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence

from ops.__main__ import main as run_command


def main(argv: Sequence[str]) -> int:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return run_command(list(argv))


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
