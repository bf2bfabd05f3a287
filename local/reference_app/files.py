"""Where the application keeps its data, and how it writes there."""

from __future__ import annotations

import fcntl
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DEFAULT_COMPANY = "default"
AGENT_FOLDER = ".agent"
DAEMON_LOG = f"{AGENT_FOLDER}/daemon.log"
_COMPANY = re.compile(r"[a-zA-Z0-9_-]+")


class RefusedError(Exception):
    """What was asked can't be done; the text is the caller's answer."""


def agent_folder() -> Path:
    """`.agent` beside `$JULES_AGENT_DIR`, whatever that one's own name, else in the working directory."""
    told = os.environ.get("JULES_AGENT_DIR")
    return (Path(told).parent if told else Path.cwd()) / AGENT_FOLDER


def checked(company: str) -> str:
    """The name, when it can be a folder's. Raises RefusedError."""
    if not _COMPANY.fullmatch(company):
        raise RefusedError(f"Invalid company name: {company}")
    return company


def timestamp() -> str:
    """Now, as JavaScript writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def log(text: str, file: Path | None = None) -> None:
    """To standard error, because standard output may be an MCP client's, and to a file."""
    line = f"[{timestamp()}] {text}"
    print(line, file=sys.stderr, flush=True)
    if file is not None:
        try:
            append(file, line)
        except OSError as error:
            print(f"Failed to write log: {error}", file=sys.stderr, flush=True)


def append(path: Path, line: str) -> None:
    """In one call: neither another process nor our end cuts a line in two."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(content, indent=2))
    unfinished.replace(path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file against threads and processes. The file stays; its holder's end ends the lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
