"""`python -m ops accept-shrink`: what was lost was meant to go: copies may shrink, this once.

A gate that finds less than half of the newest checkpoint's bytes, or a table gone, copies nothing more until
the volume is right again or this order names that checkpoint.
"""

from __future__ import annotations

import argparse

from ops import aws, confirmation, memory, stack
from ops.errors import DONE, NOTHING_FOUND, OperatorError
from ops.memory import memory_of
from ops.terminal import amount, clock, say
from ops.vault import Stored, Vault, nothing_there
from runtime.gate.snapshot.loss_guard import ACCEPT_SHRINK

TABLES_SHOWN = 10


def add_arguments(command: argparse.ArgumentParser) -> None:
    stack.add_arguments(command)
    memory.add_arguments(command)
    aws.add_arguments(command)
    confirmation.add_arguments(command)


def run(arguments: argparse.Namespace) -> int:
    known = stack.load(arguments)
    wanted = memory_of(known, arguments, restored=False)
    if wanted.chosen:
        say(f"region {wanted.region}: {wanted.chosen}")
    vault = Vault(aws.reach_of(known, arguments.state).client("s3", wanted.region), wanted)
    newest = vault.newest()
    if newest is None:
        raise OperatorError(nothing_there(wanted), NOTHING_FOUND)
    try:
        checkpoint = vault.read(Stored(writer=wanted.region, id=newest))
    except ValueError as error:
        raise OperatorError(f"{error}; restore an older one with `python -m ops restore`") from error
    tables = sorted(checkpoint.tables)
    say(
        f"the newest copy of {wanted.name}: {newest}, {clock(newest.at)}, {len(checkpoint.files)} files,"
        f" {amount(checkpoint.bytes)}, {len(tables)} tables"
    )
    for name in tables[:TABLES_SHOWN]:
        say(f"  {name}")
    if len(tables) > TABLES_SHOWN:
        say(f"  … and {len(tables) - TABLES_SHOWN} more")
    say(
        "\nThe gate will copy what is on the volume now, however much less that is. This copy can be restored"
        " until it is thinned out."
    )
    effect = f"the copies of {wanted.name} may shrink"
    confirmation.confirm(known, effect, [known.company(wanted.company)], arguments)
    url = vault.order(ACCEPT_SHRINK, {"checkpoint": str(newest)})
    say(f"ordered: {url}; the gate obeys in its next round. It counts for {newest} alone.")
    return DONE
