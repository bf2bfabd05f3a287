"""Reads stack files, wherever they are."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import yaml

from engine.placeholders import Placeholders
from engine.program import load_stack_file, run_program
from engine.recorder import Recorder
from settings import SettingsError

PROGRAM = Path(__file__).resolve().parent.parent / "__main__.py"
UNNAMED_STACK = "dev"
"""The stack of a file that is not named `Pulumi.<stack>.yaml`."""

_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class StackFileError(Exception):
    """A stack file that can't be deployed; the text has one line per problem."""


def stack_of(path: Path, name: str | None = None) -> str:
    """The stack that a file is for: `name`, else `<stack>` of `Pulumi.<stack>.yaml`."""
    match = re.fullmatch(r"Pulumi\.(.+)\.ya?ml", path.name)
    return name or (match[1] if match else UNNAMED_STACK)


def read(path: Path) -> tuple[dict[str, str], list[str]]:
    """The configuration of a stack file, and which of its keys hold secrets. Raises StackFileError."""
    try:
        config, secrets = load_stack_file(path)
        twice = list(_keys_twice(yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)))
    except OSError as error:
        raise StackFileError(f"{path}: {error.strerror or error}; must be a stack file") from error
    except UnicodeDecodeError as error:
        raise StackFileError(f"{path}: must be a stack file; got no UTF-8 text") from error
    except (TypeError, ValueError) as error:
        raise StackFileError(" ".join(str(error).split())) from error
    if twice:
        raise StackFileError("\n".join(f"{path}: {problem}" for problem in twice))
    return config, secrets


def _keys_twice(node: yaml.Node | None) -> Iterator[str]:
    """Of two equal keys the loader would silently take the last; the Pulumi CLI rejects them, too."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _keys_twice(item)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                yield f"{name}: must be there once; got this key twice, in lines {seen[name]} and {line}"
            seen.setdefault(name, line)
            yield from _keys_twice(value)


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
