"""Reads stack files, wherever they are."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

from engine.placeholders import Placeholders
from engine.program import run_program
from engine.recorder import Recorder
from engine.stack_file import load_stack_file, unknown_environment
from settings import SettingsError

PROGRAM = Path(__file__).resolve().parent.parent / "__main__.py"
UNNAMED_STACK = "dev"
"""The stack of a file that is not named `Pulumi.<stack>.yaml`."""


class StackFileError(Exception):
    """A stack file that can't be deployed; the text has one line per problem."""


def stack_of(path: Path, name: str | None = None) -> str:
    """The stack that a file is for: `name`, else `<stack>` of `Pulumi.<stack>.yaml`."""
    match = re.fullmatch(r"Pulumi\.(.+)\.ya?ml", path.name)
    return name or (match[1] if match else UNNAMED_STACK)


def read(path: Path) -> tuple[dict[str, str], list[str]]:
    """The configuration of a stack file, and which of its keys hold secrets. Raises StackFileError."""
    try:
        found = load_stack_file(path)
        if unknown := unknown_environment(path):
            print(unknown, file=sys.stderr)
    except ValueError as error:
        raise StackFileError(str(error)) from error
    return found


def record(path: Path, stack: str) -> Recorder:
    """Run the program of a stack file against placeholders. Touches nothing. Raises StackFileError."""
    from pulumi import RunError

    config, secrets = read(path)
    recorder = Placeholders()
    try:
        run_program(
            lambda: runpy.run_path(str(PROGRAM), run_name="__main__"),
            monitor=recorder,
            stack=stack,
            config=config,
            secret_keys=secrets,
        )
    except RunError as error:
        # The program's own text begins with the stack's name; here the problems are enough.
        problems = error.__cause__ if isinstance(error.__cause__, SettingsError) else error
        raise StackFileError(str(problems)) from error
    return recorder
