"""Asks before a command disturbs or changes what runs: the only place that knows when to ask."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ops import terminal
from ops.stack import Stack
from plan.names import LOCAL
from settings import Company


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--yes",
        action="store_true",
        help="do not ask, for pipelines; without it the command asks on every stack but local, and on local"
        " where a company that it disturbs has `protect: true`",
    )


def confirm(known: Stack, effect: str, companies: Sequence[Company], arguments: argparse.Namespace) -> None:
    """Ask once, unless `--yes` was given. Raises OperatorError without a yes.

    `effect` says in a clause what happens; `companies` are all that it disturbs. On the stack `local` nobody
    is asked, unless a company is protected or `--context` names a cluster other than the local one.
    """
    protected = ", ".join(one.name for one in companies if one.protect)
    if known.name == LOCAL and not protected and not getattr(arguments, "context", None):
        return
    noun = "company" if len(companies) == 1 else "companies"
    terminal.confirm(
        f"Stack {known.name}: {effect}. This disturbs {len(companies)} {noun}; protected:"
        f" {protected or 'none'}. Go on?",
        arguments.yes,
    )
