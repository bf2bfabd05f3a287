"""In-pod scripts of a drill: they run in the container `gate` and need only Python's standard library."""

from __future__ import annotations

from pathlib import Path

READY, CONTINUED = "ready", "continued"
"""Lines that `freeze.py` prints: it waits; the processes that it had stopped continue."""
KEEP, QUIT = b".", b"q"
"""What `freeze.py` reads: go on; end."""


def source(script: str) -> str:
    """For `python3 -c`."""
    return (Path(__file__).parent / f"{script}.py").read_text(encoding="utf-8")
