"""`python -m ops <command>`. Exit code 0, or 2 for a stack file that can't be deployed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ops.render import render
from ops.stack_file import StackFileError, record, stack_of


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ops", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    command = commands.add_parser(
        "render", help="write the resources of a stack file, without touching anything"
    )
    command.add_argument("--config", type=Path, required=True, help="a stack file, such as Pulumi.prod.yaml")
    command.add_argument("--out", type=Path, required=True, help="the folder to write to")
    command.add_argument("--stack", help="its stack; default: from the name Pulumi.<stack>.yaml, else dev")
    command.set_defaults(run=_render)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except StackFileError as error:
        print(error, file=sys.stderr)
        return 2


def _render(arguments: argparse.Namespace) -> int:
    stack = stack_of(arguments.config, arguments.stack)
    print(f"rendering {arguments.config} as stack {stack} …", flush=True)
    recorder = record(arguments.config, stack)
    for severity, text, _ in recorder.messages:
        print(f"{severity}: {text}", file=sys.stderr)
    objects, resources = render(recorder, arguments.out)
    print(f"{objects} Kubernetes objects and {resources} AWS resources in {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
