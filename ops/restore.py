"""`python -m ops restore`: a company's memory back to a point in time, by an order that its gate executes.

Without `--at` it lists what can be restored.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime

from ops import aws, confirmation, memory, stack
from ops.errors import DONE, NOTHING_FOUND, TIMED_OUT, WRONG_CALL, OperatorError
from ops.memory import Memory, memory_of
from ops.terminal import amount, clock, rounds, say, table
from ops.vault import Judged, Listing, Stored, Vault, nothing_there
from runtime.gate.restore.requests import RESTORE
from runtime.gate.snapshot.checkpoint import CheckpointRef
from runtime.gate.storage.keys import CheckpointId

POLL_SECONDS = 2.0
LIMIT_SECONDS = 900
_HEADS = ("checkpoint", "written by", "time (UTC)", "files", "bytes", "")


def add_arguments(command: argparse.ArgumentParser) -> None:
    stack.add_arguments(command)
    memory.add_arguments(command)
    aws.add_arguments(command)
    command.add_argument("--at", help="a time, such as 2026-11-23T03:00:00Z; default: list what there is")
    confirmation.add_arguments(command)
    command.add_argument("--no-wait", action="store_true", help="only write the order")
    command.add_argument(
        "--timeout", type=int, default=LIMIT_SECONDS, help="seconds to wait for the gate (default: 900)"
    )


def run(arguments: argparse.Namespace) -> int:
    at = None if arguments.at is None else moment(arguments.at)
    known = stack.load(arguments)
    wanted = memory_of(known, arguments, restored=True)
    if wanted.chosen:
        say(f"region {wanted.region}: {wanted.chosen}")
    client = aws.reach_of(known, arguments.state).client("s3", wanted.region)
    vault = Vault(client, wanted)
    say(f"looking for checkpoints of {wanted.name} in s3://{wanted.bucket} …")
    listing = vault.list()
    stored = listing.stored()
    if not stored:
        raise OperatorError(nothing_there(wanted), NOTHING_FOUND)
    if at is None:
        return _show_all(listing, stored)
    now = next(listing.ranked(stored))
    chosen = _choose(listing, stored, at, now)
    _explain(wanted, now, chosen)
    effect = f"{wanted.name} is restored to {chosen.stored.id}"
    confirmation.confirm(known, effect, [known.company(wanted.company)], arguments)
    number = max(time.time_ns() // 1_000_000, listing.last_order() + 1)
    return _restore(vault, chosen, number, None if arguments.no_wait else arguments.timeout)


def moment(text: str) -> int:
    """UTC in milliseconds. Raises OperatorError."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        told = None
    if told is None or told.tzinfo is None:
        raise OperatorError(
            f"--at: got {text}; accepted: a time with its zone, such as 2026-11-23T03:00:00Z", WRONG_CALL
        )
    return int(told.astimezone(UTC).timestamp() * 1000)


def _show_all(listing: Listing, stored: list[Stored]) -> int:
    newest_first = sorted(stored, key=lambda one: one.id.at, reverse=True)
    judged = listing.judge_all(newest_first)
    say(table(_HEADS, [_row(one, "" if one.whole else one.state) for one in judged]))
    whole = sum(one.whole for one in judged)
    say(f"{whole} of {len(judged)} can be restored: say --at with a time at or after the checkpoint's")
    return DONE if whole else NOTHING_FOUND


def _row(judged: Judged, remark: str) -> tuple[str, ...]:
    one, checkpoint = judged.stored, judged.checkpoint
    files, size = ("?", "?") if checkpoint is None else (str(len(checkpoint.files)), amount(checkpoint.bytes))
    return (str(one.id), one.writer, clock(one.id.at), files, size, remark)


def _choose(listing: Listing, stored: list[Stored], at: int, now: Judged) -> Judged:
    """The memory as it was at that time: of those at or before it the one that wins and is whole."""
    before = [one for one in stored if one.id.at <= at]
    if not before:
        oldest = min(stored, key=lambda one: one.id.at)
        raise OperatorError(
            f"--at: no checkpoint at or before {clock(at)}; the oldest is {oldest.id} of {oldest.writer},"
            f" {clock(oldest.id.at)}",
            NOTHING_FOUND,
        )
    rows = [_row(now, "the memory now")]
    for judged in listing.ranked(before):
        if judged.whole:
            rows.append(_row(judged, "will be restored"))
            say(table(_HEADS, rows))
            return judged
        rows.append(_row(judged, f"passed over: {judged.state}"))
    say(table(_HEADS, rows))
    raise OperatorError(
        f"--at: none of the {len(before)} checkpoints at or before {clock(at)} is whole in this bucket; where"
        " objects are still being replicated, wait and repeat",
        NOTHING_FOUND,
    )


def _explain(wanted: Memory, now: Judged, chosen: Judged) -> None:
    writer = now.stands.region
    if writer != wanted.region:
        say(
            f"note: the memory that wins now was written by {writer}. An order waits until its region serves"
            f" {wanted.company}: if {writer} serves now, say --region {writer}"
        )
    stopped = "the Brain" if wanted.component == memory.BRAIN else "Agent and health monitor"
    say(
        f"\nThe gate of {wanted.component}-{wanted.region} fetches {chosen.stored.id}, stops {stopped}, and"
        f" puts its files in place.\nWhat was stored since is then no longer found by the {wanted.component}:"
        " files that the checkpoint does not name\ngo to diverged/<time>/ on the volume and in the bucket."
    )
    if len(wanted.writers) > 1:
        say("Policy failover: the other regions follow the restored memory.")


def _restore(vault: Vault, chosen: Judged, number: int, limit: int | None) -> int:
    before = vault.own_ids()
    base = CheckpointRef(region=chosen.stored.writer, checkpoint=chosen.stored.id)
    told = {"order": str(number), "region": base.region, "checkpoint": str(base.checkpoint)}
    url = vault.order(RESTORE, told)
    say(f"ordered: {url}")
    if limit is None:
        return DONE
    made = _await(vault, base, before, limit)
    if made is None:
        wanted = vault.memory
        raise OperatorError(
            f"not restored within {limit} s. The order stays: the gate executes it as soon as {wanted.region}"
            f" serves {wanted.company} and S3 answers; to withdraw it: aws s3 rm {url}\nWhat it does now:"
            f" kubectl -n {wanted.namespace} logs {wanted.component}-{wanted.region}-0 -c gate --tail=20",
            TIMED_OUT,
        )
    say(f"restored: {vault.memory.name} stands on {base.checkpoint} of {base.region}; copied since: {made}")
    return DONE


def _await(
    vault: Vault, base: CheckpointRef, before: frozenset[CheckpointId], limit: int
) -> CheckpointId | None:
    """The first new checkpoint of the memory's region that stands on `base`."""
    seen = set(before)
    for passed, tell in rounds(POLL_SECONDS, limit):
        for id in sorted(vault.own_ids() - seen):
            seen.add(id)
            try:
                found = vault.read(Stored(writer=vault.memory.region, id=id))
            except ValueError:
                continue
            if found.base == base:
                return id
        if tell:
            newest = max(seen, default=None)
            say(f"waiting for the gate … {passed:.0f} s, newest copy {newest or 'none'}")
    return None
