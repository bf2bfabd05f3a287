"""`python -m ops restore`: restore a company's memory to a point in time.

The command writes a restore request into the bucket, which the memory's gate carries out. Without `--at`,
`--checkpoint` and `--versions-at` it lists the checkpoints that can be restored.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from ops import aws, confirmation, memory
from ops import stack as stacks
from ops.checkpoints import CheckpointStore, Inspected, Listing, Stored, next_request, no_checkpoint
from ops.choosing import HEADS, Choice, Chooser, row
from ops.errors import DONE, NOTHING_FOUND, TIMED_OUT, WRONG_CALL, OperatorError
from ops.memory import Memory, memory_of
from ops.terminal import plain, rounds, say, table
from ops.versions import describe
from runtime.gate.restore.requests import RESTORE
from runtime.gate.snapshot.checkpoint import CheckpointRef
from runtime.gate.storage.keys import CheckpointId

POLL_SECONDS = 2.0
LIMIT_SECONDS = 900


def add_arguments(command: argparse.ArgumentParser) -> None:
    stacks.add_arguments(command)
    memory.add_arguments(command)
    aws.add_arguments(command)
    to = command.add_mutually_exclusive_group()
    to.add_argument("--at", help="a time, such as 2026-11-23T03:00:00Z; default: list the checkpoints")
    to.add_argument("--checkpoint", help="exactly this one: an id of the list")
    to.add_argument(
        "--versions-at",
        help="a time, as with --at; what was overwritten or deleted since is first copied from old versions",
    )
    confirmation.add_arguments(command)
    command.add_argument("--no-wait", action="store_true", help="only write the request")
    command.add_argument(
        "--timeout", type=int, default=LIMIT_SECONDS, help="seconds to wait for the gate (default: 900)"
    )


def run(arguments: argparse.Namespace) -> int:
    times = {name: getattr(arguments, name.replace("-", "_")) for name in ("at", "versions-at")}
    at, versions_at = (None if text is None else moment(text, f"--{name}") for name, text in times.items())
    stack = stacks.load(arguments)
    wanted = memory_of(stack, arguments, restored=True)
    if wanted.reason:
        say(f"region {wanted.region}: {wanted.reason}")
    client = aws.aws_access(stack, arguments.state).client("s3", wanted.region)
    store = CheckpointStore(client, wanted)
    say(f"reading the checkpoints of {wanted.name} in s3://{wanted.bucket} …")
    listing = store.list()
    stored = listing.stored()
    if not stored and versions_at is None:
        raise OperatorError(no_checkpoint(wanted), NOTHING_FOUND)
    if at is None and versions_at is None and arguments.checkpoint is None:
        return _show_all(listing, stored)
    chooser = Chooser(store, listing, stored)
    if versions_at is not None:
        choice = chooser.versions_at(versions_at)
    else:
        choice = chooser.named(arguments.checkpoint) if at is None else chooser.at(at)
    _explain(wanted, chooser.now, choice)
    effect = f"{wanted.name} is restored to {choice.inspected.stored.id}"
    if choice.repair and choice.repair.copies:
        effect = f"{len(choice.repair.copies)} objects are copied from their old versions, then {effect}"
    confirmation.confirm(stack, effect, [stack.company(wanted.company)], arguments)
    if choice.old and choice.repair:
        choice.old.apply(choice.repair)
    number = next_request(store, listing)
    return _restore(store, choice.inspected, number, None if arguments.no_wait else arguments.timeout)


def moment(text: str, option: str = "--at") -> int:
    """UTC in milliseconds. Raises OperatorError."""
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return int(time.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        pass
    raise OperatorError(
        f"{option}: must be a time with its zone, such as 2026-11-23T03:00:00Z; got {plain(text)}", WRONG_CALL
    )


def _show_all(listing: Listing, stored: list[Stored]) -> int:
    points = newest_first(listing, stored)
    say(table(HEADS, [_row(each, inspected) for each, inspected in points]))
    complete = sum(inspected.complete for _, inspected in points if inspected)
    say(
        f"{complete} of {len(stored)} can be restored, with --at and a time at or after the checkpoint's, or"
        " with --checkpoint and its id"
    )
    return DONE if complete else NOTHING_FOUND


def newest_first(listing: Listing, stored: Sequence[Stored]) -> list[tuple[Stored, Inspected | None]]:
    """All checkpoints, each inspected unless it is ignored."""
    newest = sorted(stored, key=lambda each: each.id.at, reverse=True)
    good = [each for each in newest if not each.ignored]
    inspected = {each.stored: each for each in listing.inspect_all(good)}
    return [(each, inspected.get(each)) for each in newest]


def _row(stored: Stored, inspected: Inspected | None) -> tuple[str, ...]:
    if inspected is None:
        return row(Inspected(stored=stored, checkpoint=None), stored.remark)
    return row(inspected, stored.remark if inspected.complete else inspected.state)


def _explain(wanted: Memory, now: Inspected | None, choice: Choice) -> None:
    writer, chosen = now.origin.region if now else wanted.region, choice.inspected
    if choice.repair:
        say(describe(choice.repair, wanted.bucket))
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
