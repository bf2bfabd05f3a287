"""`python -m ops accept-shrink`: let checkpoints shrink once, after a loss that was intended.

A gate's loss guard stops uploads when a table of the newest checkpoint has vanished, went back to an older
version or lost most of its rows, or when other files with more than half of all bytes are gone. Uploads
resume when the volume is complete again, or with this request, which names that checkpoint.

`--empty` is for a pod that does not start because its volume is empty and a bucket does not answer that may
have the company's files: for a day, the company may begin without them.
"""

from __future__ import annotations

import argparse
import time

from ops import aws, confirmation, memory
from ops import stack as stacks
from ops.checkpoints import CheckpointStore, no_checkpoint
from ops.errors import DONE, NOTHING_FOUND, OperatorError
from ops.memory import Memory, memory_of
from ops.terminal import amount, clock, plain, say
from runtime.gate.restore.requests import BEGIN_EMPTY
from runtime.gate.snapshot.loss_guard import ACCEPT_SHRINK

TABLES_SHOWN = 10


def add_arguments(command: argparse.ArgumentParser) -> None:
    stacks.add_arguments(command)
    memory.add_arguments(command)
    aws.add_arguments(command)
    confirmation.add_arguments(command)
    command.add_argument(
        "--empty",
        action="store_true",
        help="let an empty volume stay empty, though a bucket that may have its files does not answer",
    )


def run(arguments: argparse.Namespace) -> int:
    stack = stacks.load(arguments)
    wanted = memory_of(stack, arguments, restored=False)
    if wanted.reason:
        say(f"region {wanted.region}: {wanted.reason}")
    store = CheckpointStore(aws.aws_access(stack, arguments.state).client("s3", wanted.region), wanted)
    if arguments.empty:
        return _begin_empty(stack, wanted, store, arguments)
    try:
        checkpoint = store.newest_checkpoint()
    except ValueError as error:
        raise OperatorError(f"{error}; restore an older checkpoint with `python -m ops restore`") from error
    if checkpoint is None:
        raise OperatorError(no_checkpoint(wanted), NOTHING_FOUND)
    tables = sorted(checkpoint.tables)
    say(
        f"the newest checkpoint of {wanted.name}: {checkpoint.id}, {clock(checkpoint.id.at)},"
        f" {len(checkpoint.files)} files, {amount(checkpoint.bytes)}, {len(tables)} tables"
    )
    for name in tables[:TABLES_SHOWN]:
        say(f"  {plain(name)}")
    if len(tables) > TABLES_SHOWN:
        say(f"  … and {len(tables) - TABLES_SHOWN} more")
    say(
        "\nThe gate will upload what is on the volume now, however little that is. This checkpoint can be"
        " restored until the gate thins out checkpoints of its age."
    )
    effect = f"the checkpoints of {wanted.name} may shrink"
    confirmation.confirm(stack, effect, [stack.company(wanted.company)], arguments)
    url = store.send_request(ACCEPT_SHRINK, {"checkpoint": str(checkpoint.id)})
    say(f"requested: {url}; the gate uploads in its next round. It counts for {checkpoint.id} alone.")
    return DONE


def _begin_empty(
    stack: stacks.Stack, wanted: Memory, store: CheckpointStore, arguments: argparse.Namespace
) -> int:
    say(
        f"If {wanted.name} has an empty volume, it begins with nothing, whatever is in buckets that do not"
        " answer now. What they have stays there; `python -m ops restore` brings it back later."
    )
    effect = f"{wanted.name} may begin empty"
    confirmation.confirm(stack, effect, [stack.company(wanted.company)], arguments)
    url = store.send_request(BEGIN_EMPTY, {"at": str(int(time.time() * 1000))})
    say(f"requested: {url}; it counts for the pod's next starts, for a day.")
    return DONE
