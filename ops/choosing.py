"""Which checkpoint `python -m ops restore` restores: the memory at a time, a named checkpoint, or the memory
at a time by old versions. Each shows what it considers, and why it skips it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.checkpoints import CheckpointStore, Inspected, Listing, Stored
from ops.errors import NOTHING_FOUND, WRONG_CALL, OperatorError
from ops.terminal import amount, clock, plain, say, table
from ops.verification import damaged_objects
from ops.versions import OldVersions, Repair
from runtime.gate.storage.keys import CheckpointId

HEADS = ("checkpoint", "written by", "time (UTC)", "files", "bytes", "")
CHOSEN = "will be restored"
SHOWN = 10
"""Of the checkpoints that do not count."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    inspected: Inspected
    old: OldVersions | None = None
    repair: Repair | None = None
    """What has to be copied from old versions first."""


class Chooser:
    """Raises OperatorError, also when nothing can be restored."""

    def __init__(self, store: CheckpointStore, listing: Listing, stored: Sequence[Stored]) -> None:
        self._store, self._listing, self._stored = store, listing, stored
        good = [each for each in stored if not each.ignored]
        self.now: Inspected | None = next(listing.ranked(good), None)
        """The memory as it is now."""
        self._rows = [row(self.now, "the memory now")] if self.now else []

    def at(self, at: int) -> Choice:
        """The winner of the complete checkpoints that S3 had at that time. `at`: UTC in milliseconds."""
        before = self._existing("--at", self._stored, at)
        for inspected in self._listing.ranked(before):
            if problem := self._problem(inspected):
                self._rows.append(row(inspected, f"skipped: {problem}"))
            else:
                return self._chosen(Choice(inspected=inspected))
        self._show()
        raise OperatorError(
            f"--at: none of the {len(before)} checkpoints at or before {clock(at)} is complete in this"
            " bucket. If S3 still replicates objects, wait and repeat the command. If they were overwritten"
            f" or deleted, use --versions-at {clock(at)}",
            NOTHING_FOUND,
        )

    def named(self, text: str) -> Choice:
        """Exactly this checkpoint: its id, or `<region>/<id>` where several regions have one of this id."""
        region, _, name = text.rpartition("/")
        try:
            id = CheckpointId.parse(name)
        except ValueError:
            raise OperatorError(
                f"--checkpoint: must be an id, such as 000003-1763866800000, got {plain(text)}", WRONG_CALL
            ) from None
        found = [each for each in self._stored if each.id == id and region in ("", each.writer)]
        if len(found) != 1:
            writers = ", ".join(f"{each.writer}/{id}" for each in found)
            said = f"must be one of {writers}" if found else "is not in this bucket"
            raise OperatorError(f"--checkpoint: {plain(text)} {said}", NOTHING_FOUND)
        (stored,) = found
        if stored.ignored:
            self._add_refused(found)
            self._show()
            raise OperatorError(f"--checkpoint: {id} is {stored.remark}", NOTHING_FOUND)
        inspected = self._listing.inspect(stored)
        if problem := self._problem(inspected):
            self._rows.append(row(inspected, problem))
            self._show()
            raise OperatorError(
                f"--checkpoint: {id} cannot be restored: {problem}; see --versions-at", NOTHING_FOUND
            )
        return self._chosen(Choice(inspected=inspected))

    def versions_at(self, at: int) -> Choice:
        """The memory at that time, with old versions of what was overwritten or deleted since."""
        say("listing old versions …")
        old = OldVersions(self._store, at)
        listing = old.listing()
        before = self._existing("--versions-at", listing.stored(), at)
        for inspected in listing.ranked(before):
            if inspected.checkpoint is None:
                self._rows.append(row(inspected, f"skipped: {inspected.problem}"))
                continue
            repair = old.repair(inspected.stored, inspected.checkpoint)
            if not repair.lost:
                return self._chosen(Choice(inspected=inspected, old=old, repair=repair))
            problem = f"no version of {len(repair.lost)} objects is right, such as {plain(repair.lost[0])}"
            self._rows.append(row(inspected, f"skipped: {problem}"))
        self._show()
        raise OperatorError(
            f"--versions-at: none of the {len(before)} checkpoints at {clock(at)} can be made whole from the"
            " versions in this bucket; try an earlier time, or the bucket of another region (--region)",
            NOTHING_FOUND,
        )

    def _problem(self, inspected: Inspected) -> str:
        """Why a checkpoint cannot be restored; its objects are read. Empty when it can be."""
        if not inspected.complete or inspected.checkpoint is None:
            return inspected.state
        damaged = damaged_objects(self._store, inspected.checkpoint)
        objects = len({file.key for file in inspected.checkpoint.files.values()})
        return f"{len(damaged)} of {objects} objects damaged, such as {plain(damaged[0])}" if damaged else ""

    def _existing(self, option: str, stored: Sequence[Stored], at: int) -> list[Stored]:
        good = [each for each in stored if not each.ignored]
        before = [each for each in good if each.existed(at)]
        later = [each for each in good if each.id.at <= at and each not in before]
        self._add_refused([*(each for each in stored if each.ignored), *later])
        if before:
            return before
        self._show()
        oldest = min(good, key=lambda each: each.time, default=None)
        said = "there is none"
        if oldest:
            said = f"the oldest is {oldest.id} of {oldest.writer}, {clock(oldest.time)}"
        if option == "--at":
            said += f". If it was overwritten or deleted, use --versions-at {clock(at)}"
        raise OperatorError(f"{option}: no checkpoint at or before {clock(at)}; {said}", NOTHING_FOUND)

    def _add_refused(self, stored: Sequence[Stored]) -> None:
        self._rows += [
            (str(each.id), each.writer, clock(each.id.at), "?", "?", f"skipped: {each.remark}")
            for each in stored[:SHOWN]
        ]
        if len(stored) > SHOWN:
            self._rows.append((f"… and {len(stored) - SHOWN} more", "", "", "", "", "skipped"))

    def _chosen(self, choice: Choice) -> Choice:
        remark = choice.inspected.stored.remark
        self._rows.append(row(choice.inspected, f"{CHOSEN}, {remark}" if remark else CHOSEN))
        self._show()
        return choice

    def _show(self) -> None:
        if self._rows:
            say(table(HEADS, self._rows))


def row(inspected: Inspected, remark: str) -> tuple[str, ...]:
    stored, checkpoint = inspected.stored, inspected.checkpoint
    files, size = ("?", "?") if checkpoint is None else (str(len(checkpoint.files)), amount(checkpoint.bytes))
    return (str(stored.id), stored.writer, clock(stored.id.at), files, size, remark)
