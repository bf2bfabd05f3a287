"""Downloads a snapshot from the first bucket that has all of it, into the staged snapshot."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from functools import cached_property

from runtime.gate.events import Notice, Record
from runtime.gate.restore.staged import Damaged, StagedSnapshot
from runtime.gate.snapshot.scan import Scanner, Snapshot
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.stores import Stores

NO_SPACE = "no space left"
"""rclone passes on the system's message for a full disk."""


@dataclass(frozen=True, kw_only=True)
class Staging:
    staged: StagedSnapshot
    scanner: Scanner
    stores: Stores
    record: Record

    def stage(self, snapshot: Snapshot, timeout: float | None = None) -> bool:
        """False (and recorded) when no bucket gives the snapshot. `timeout`: in seconds, of each operation.

        Raises Interrupted, and OSError; on a full disk everything is as before.
        """
        checkpoint = snapshot.checkpoint
        current = self.staged.current()
        if current is not None and current.ref == checkpoint.ref:
            return True
        for bucket in snapshot.buckets:
            store = self.stores(bucket, checkpoint.region, timeout)
            try:
                self.staged.build(checkpoint, store.download)
                self._notice.reset()
                return True
            except (StoreError, Damaged) as error:
                if isinstance(error, Damaged):
                    self.scanner.mark_damaged(bucket, checkpoint)
                else:
                    self.scanner.check_again(checkpoint)
                if NO_SPACE in str(error).lower():
                    self.staged.discard()
                    raise OSError(
                        errno.ENOSPC, f"the snapshot does not fit on the volume: {error}"
                    ) from error
                message = f"{checkpoint.region}'s checkpoint {checkpoint.id} in the bucket of {bucket}"
                kind = f"{checkpoint.region} {bucket} {getattr(error, 'kind', 'damaged')}"
                message += f" cannot be downloaded: {error}"
                self._notice.record("StandbyFailed", message, warning=True, kind=kind)
        return False

    @cached_property
    def _notice(self) -> Notice:
        """A standby tries again each interval, perhaps with the next checkpoint."""
        return Notice(self.record)
