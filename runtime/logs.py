"""Structured logs: one JSON object a line, on standard output."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime

_writing = threading.Lock()


def log(event: str, /, *, level: str = "info", **fields: object) -> None:
    """Write what happened. A value that JSON does not know stands as its text.

    Nobody reading, or a full disk behind standard output, must not end the program that logs.
    """
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = json.dumps({"at": at, "level": level, "event": event, **fields}, default=str)
    with _writing:
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except OSError:
            pass
