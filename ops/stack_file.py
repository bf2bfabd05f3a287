"""Stack files as operators' commands read them, wherever they lie."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from engine.placeholders import Placeholders
from engine.program import load_stack_file, run_program
from engine.recorder import Recorder

PROGRAM = Path(__file__).resolve().parent.parent / "__main__.py"
UNNAMED_STACK = "dev"
"""The stack of a file whose name tells none."""


class StackFileError(Exception):
    """A stack file that can't be deployed; the text has a line a fault."""


def stack_of(path: Path, given: str | None = None) -> str:
    """The stack that a file is for: the one given, else `<stack>` of `Pulumi.<stack>.yaml`."""
    match = re.fullmatch(r"Pulumi\.(.+)\.ya?ml", path.name)
    return given or (match[1] if match else UNNAMED_STACK)


def record(path: Path, stack: str) -> Recorder:
    """Run the program of a stack file against placeholders. Touches nothing. Raises StackFileError."""
    from pulumi import RunError

    try:
        config, secrets = load_stack_file(path)
    except (OSError, ValueError) as error:
        raise StackFileError(str(error)) from error
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
        raise StackFileError(str(error)) from error
    return recorder
