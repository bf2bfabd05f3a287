"""Folders and files of the application's data."""

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


class RejectedError(Exception):
    """A call is rejected; the message is the answer to the caller."""


def agent_folder() -> Path:
    """`.agent` beside `$JULES_AGENT_DIR`, else in the working directory."""
    agent_dir = os.environ.get("JULES_AGENT_DIR")
    return (Path(agent_dir).parent if agent_dir else Path.cwd()) / AGENT_FOLDER


def checked(company: str) -> str:
    """The name, if it is a valid folder name. Raises RejectedError."""
    if not _COMPANY.fullmatch(company):
        raise RejectedError(f"Invalid company name: {company}")
    return company


def timestamp() -> str:
    """Now, in JavaScript's format."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def log(text: str, file: Path | None = None) -> None:
    """Write to standard error, because standard output may be for an MCP client, and to a file."""
    line = f"[{timestamp()}] {text}"
    print(line, file=sys.stderr, flush=True)
    if file is not None:
        try:
            append(file, line)
        except OSError as error:
            print(f"Failed to write log: {error}", file=sys.stderr, flush=True)


def append(path: Path, line: str) -> None:
    """Append with one call: a line is written whole or not at all, even with other writers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(content, indent=2))
    unfinished.replace(path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file against threads and processes. The kernel frees the lock when its holder ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
