"""In which form a checkpoint is stored: as a list of all files, or as what changed since such a list."""

from __future__ import annotations

from collections.abc import Callable

from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.snapshot.checkpoint_changes import dump_changes
from runtime.gate.storage.keys import CheckpointId, CheckpointName

SMALL = 16 << 10
"""Bytes: a list of about 65 files. It costs no more than a list of changes."""
WHOLE_SECONDS = 24 * 3600.0
"""A whole list is written at least so often: a gate of the previous version reads no others."""


class CheckpointForms:
    """Changes add up until they have cost as much as a whole list; then one is written.

    The first checkpoint of a process is a whole list: after an update, or before one goes back, other regions
    may run the previous version.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: seconds since the epoch."""
        self._clock = clock
        self._since: CheckpointId | None = None
        """The whole list; None before the first."""
        self._at = 0.0
        self._bytes = 0
        """Of the whole list."""
        self._spent = 0
        """Bytes of all lists of changes since."""
        self._paths: set[str] = set()
        """Of all that changed since."""

    def of(self, checkpoint: Checkpoint, newest: Checkpoint | None) -> tuple[CheckpointName, bytes]:
        """Its name and its content. `newest`: the one before it. Raises CheckpointTooLarge."""
        if not self._builds_on(newest):
            return self.whole(checkpoint)
        assert newest is not None and self._since is not None
        before, after = newest.files, checkpoint.files
        self._paths.update(path for path, file in after.items() if before.get(path) != file)
        self._paths.update(before.keys() - after.keys())
        content = dump_changes(checkpoint, self._since, self._paths).encode()
        self._spent += len(content)
        if self._spent > self._bytes:
            return self.whole(checkpoint)
        return CheckpointName(id=checkpoint.id, since=self._since), content

    def whole(self, checkpoint: Checkpoint) -> tuple[CheckpointName, bytes]:
        """As a list of all files."""
        content = checkpoint.dump().encode()
        self._since, self._at = checkpoint.id, self._clock()
        self._bytes, self._spent = len(content), 0
        self._paths.clear()
        return CheckpointName(id=checkpoint.id), content

    def _builds_on(self, newest: Checkpoint | None) -> bool:
        """Whether the next one may be a list of changes."""
        if newest is None or self._since is None or self._since not in (newest.id, newest.since):
            return False
        return self._bytes > SMALL and 0 <= self._clock() - self._at < WHOLE_SECONDS
