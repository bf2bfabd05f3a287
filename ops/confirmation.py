"""Asks before a command disturbs or changes a running platform: decides when a command has to ask."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ops import terminal
from ops.stack import Stack
from plan.names import LOCAL
from settings import Company

CONFIRMED = "--yes"


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        CONFIRMED,
        action="store_true",
        help="do not ask, for pipelines; without it the command asks on every stack but local, and on local"
        " if a company that it disturbs has `protect: true`",
    )


def confirm(stack: Stack, effect: str, companies: Sequence[Company], arguments: argparse.Namespace) -> None:
    """Ask once, unless `--yes` is set. Raises OperatorError without a yes.

    `effect` says in a clause what happens; `companies` are those that it disturbs. On the stack `local`
    nobody is asked, unless a company is protected or `--context` names another cluster.
    """
    protected = ", ".join(company.name for company in companies if company.protect)
    if stack.name == LOCAL and not protected and not getattr(arguments, "context", None):
        return
    noun = "company" if len(companies) == 1 else "companies"
    terminal.confirm(
        f"Stack {stack.name}: {effect}. This disturbs {len(companies)} {noun}; protected:"
        f" {protected or 'none'}. Go on?",
        arguments.yes,
    )
