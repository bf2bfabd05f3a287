"""Runs commands of this machine."""

import subprocess
from collections.abc import Sequence
from typing import Any

from local.machine.files import LocalError


def run(command: Sequence[str], error: type[LocalError] = LocalError, **options: Any) -> str:
    """The command's output. Raises `error` with the command and its error output."""
    answer: subprocess.CompletedProcess[str]
    answer = subprocess.run(command, capture_output=True, text=True, **options)
    if answer.returncode != 0:
        raise error(f"`{' '.join(command)}` failed: {answer.stderr.strip()}")
    return answer.stdout


def ip(command: str) -> str:
    """`ip` of iproute2, with the arguments of `command`."""
    return run(["ip", *command.split()])
