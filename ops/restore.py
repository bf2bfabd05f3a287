"""`python -m ops restore`: restore a company's memory to a point in time.

The command writes a restore request into the bucket, which the memory's gate carries out. Without `--at` it
lists the checkpoints that can be restored.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime

from ops import aws, confirmation, memory
from ops import stack as stacks
from ops.checkpoints import CheckpointStore, Inspected, Listing, Stored, no_checkpoint
from ops.errors import DONE, NOTHING_FOUND, TIMED_OUT, WRONG_CALL, OperatorError
from ops.memory import Memory, memory_of
from ops.terminal import amount, clock, rounds, say, table
from runtime.gate.restore.requests import RESTORE
from runtime.gate.snapshot.checkpoint import CheckpointRef
from runtime.gate.storage.keys import CheckpointId

POLL_SECONDS = 2.0
LIMIT_SECONDS = 900
_HEADS = ("checkpoint", "written by", "time (UTC)", "files", "bytes", "")


def add_arguments(command: argparse.ArgumentParser) -> None:
    stacks.add_arguments(command)
    memory.add_arguments(command)
    aws.add_arguments(command)
    command.add_argument("--at", help="a time, such as 2026-11-23T03:00:00Z; default: list the checkpoints")
    confirmation.add_arguments(command)
    command.add_argument("--no-wait", action="store_true", help="only write the request")
    command.add_argument(
        "--timeout", type=int, default=LIMIT_SECONDS, help="seconds to wait for the gate (default: 900)"
    )


def run(arguments: argparse.Namespace) -> int:
    at = None if arguments.at is None else moment(arguments.at)
    stack = stacks.load(arguments)
    wanted = memory_of(stack, arguments, restored=True)
    if wanted.reason:
        say(f"region {wanted.region}: {wanted.reason}")
    client = aws.aws_access(stack, arguments.state).client("s3", wanted.region)
    store = CheckpointStore(client, wanted)
    say(f"reading the checkpoints of {wanted.name} in s3://{wanted.bucket} …")
    listing = store.list()
    stored = listing.stored()
    if not stored:
        raise OperatorError(no_checkpoint(wanted), NOTHING_FOUND)
    if at is None:
        return _show_all(listing, stored)
    now = next(listing.ranked(stored))
    chosen = _choose(listing, stored, at, now)
    _explain(wanted, now, chosen)
    effect = f"{wanted.name} is restored to {chosen.stored.id}"
    confirmation.confirm(stack, effect, [stack.company(wanted.company)], arguments)
    number = max(time.time_ns() // 1_000_000, listing.last_request() + 1)
    return _restore(store, chosen, number, None if arguments.no_wait else arguments.timeout)


def moment(text: str) -> int:
    """UTC in milliseconds. Raises OperatorError."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise OperatorError(
            f"--at: must be a time with its zone, such as 2026-11-23T03:00:00Z; got {text}", WRONG_CALL
        )
    return int(time.astimezone(UTC).timestamp() * 1000)


def _show_all(listing: Listing, stored: list[Stored]) -> int:
    inspected = listing.inspect_all(sorted(stored, key=lambda each: each.id.at, reverse=True))
    say(table(_HEADS, [_row(each, "" if each.complete else each.state) for each in inspected]))
    complete = sum(each.complete for each in inspected)
    say(f"{complete} of {len(inspected)} can be restored, with --at and a time at or after the checkpoint's")
    return DONE if complete else NOTHING_FOUND


def _row(inspected: Inspected, remark: str) -> tuple[str, ...]:
    stored, checkpoint = inspected.stored, inspected.checkpoint
    files, size = ("?", "?") if checkpoint is None else (str(len(checkpoint.files)), amount(checkpoint.bytes))
    return (str(stored.id), stored.writer, clock(stored.id.at), files, size, remark)


def _choose(listing: Listing, stored: list[Stored], at: int, now: Inspected) -> Inspected:
    """The memory at that time: the winner of the complete checkpoints at or before `at`. Prints it."""
    before = [each for each in stored if each.id.at <= at]
    if not before:
        oldest = min(stored, key=lambda each: each.id.at)
        raise OperatorError(
            f"--at: no checkpoint at or before {clock(at)}; the oldest is {oldest.id} of {oldest.writer},"
            f" {clock(oldest.id.at)}",
            NOTHING_FOUND,
        )
    rows = [_row(now, "the memory now")]
    for inspected in listing.ranked(before):
        if inspected.complete:
            rows.append(_row(inspected, "will be restored"))
            say(table(_HEADS, rows))
            return inspected
        rows.append(_row(inspected, f"skipped: {inspected.state}"))
    say(table(_HEADS, rows))
    raise OperatorError(
        f"--at: none of the {len(before)} checkpoints at or before {clock(at)} is complete in this bucket; if"
        " S3 still replicates objects, wait and repeat the command",
        NOTHING_FOUND,
    )


def _explain(wanted: Memory, now: Inspected, chosen: Inspected) -> None:
    writer = now.origin.region
    if writer != wanted.region:
        say(
            f"note: the newest memory was written by {writer}. A request waits until its region is primary"
            f" for {wanted.company}: if {writer} is primary now, use --region {writer}"
        )
    stopped = "the Brain" if wanted.component == memory.BRAIN else "Agent and health monitor"
    say(
        f"\nThe gate of {wanted.component}-{wanted.region} downloads {chosen.stored.id}, stops {stopped}, and"
        f" makes the checkpoint's files active.\nThe {wanted.component} then no longer knows what it stored"
        " since: files that the checkpoint does not have\ngo to diverged/<time>/ on the volume and in the"
        " bucket."
    )
    if len(wanted.writers) > 1:
        say("Policy failover: the other regions follow the restored memory.")


def _restore(store: CheckpointStore, chosen: Inspected, number: int, limit: int | None) -> int:
    before = store.own_ids()
    base = CheckpointRef(region=chosen.stored.writer, checkpoint=chosen.stored.id)
    request = {"order": str(number), "region": base.region, "checkpoint": str(base.checkpoint)}
    url = store.send_request(RESTORE, request)
    say(f"requested: {url}")
    if limit is None:
        return DONE
    uploaded = _await(store, base, before, limit)
    if uploaded is None:
        wanted = store.memory
        raise OperatorError(
            f"not restored within {limit} s. The request stays: the gate carries it out as soon as"
            f" {wanted.region} is primary for {wanted.company} and S3 answers. To withdraw the request: aws"
            f" s3 rm {url}\nWhat the gate does now:"
            f" kubectl -n {wanted.namespace} logs {wanted.component}-{wanted.region}-0 -c gate --tail=20",
            TIMED_OUT,
        )
    say(f"restored: {store.memory.name} to {base.checkpoint} of {base.region}; uploaded since: {uploaded}")
    return DONE


def _await(
    store: CheckpointStore, base: CheckpointRef, before: frozenset[CheckpointId], limit: int
) -> CheckpointId | None:
    """The first new checkpoint of the memory's region that was restored from `base`."""
    seen = set(before)
    for passed, report in rounds(POLL_SECONDS, limit):
        for id in sorted(store.own_ids() - seen):
            seen.add(id)
            try:
                checkpoint = store.read(Stored(writer=store.memory.region, id=id))
            except ValueError:
                continue
            if checkpoint.base == base:
                return id
        if report:
            newest = max(seen, default=None)
            say(f"waiting for the gate … {passed:.0f} s, newest checkpoint {newest or 'none'}")
    return None
