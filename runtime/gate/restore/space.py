"""Whether the volume has the space that a snapshot needs beside the active files."""

from __future__ import annotations

from collections.abc import Collection

from runtime.gate.events import Condition
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage import reserve

MORE_BYTES = 64 << 20
"""A snapshot that did not fit is tried again when so much more is free than it left."""
_BYTES_OF_A_FILE = 300
"""In the list of diverged files, besides its path."""
_BYTES_OF_A_FOLDER = 4096


def bytes_to_set_aside(paths: Collection[str]) -> int:
    """What it may take to set these files aside: folders, the list of the files, the new state."""
    folders = {path.rpartition("/")[0] for path in paths}
    listed = sum(len(path) + _BYTES_OF_A_FILE for path in paths)
    return reserve.LEAST + listed + len(folders) * _BYTES_OF_A_FOLDER


class Space:
    """Used by one thread."""

    def __init__(self, volume: Volume, condition: Condition) -> None:
        self._volume = volume
        self._condition = condition
        self._free = 0
        self._bytes = 0

    @property
    def problem(self) -> str | None:
        return self._condition.problem

    def report(self, problem: str, snapshot: Checkpoint | None = None) -> None:
        """`snapshot`: that does not fit."""
        if snapshot is not None:
            self._free, self._bytes = self._volume.free_bytes(), snapshot.bytes
        self._condition.report(problem)

    def clear(self, *, for_snapshot: bool) -> None:
        """`for_snapshot`: a snapshot fits, whatever else was short of space."""
        if not for_snapshot or self._bytes:
            self._bytes = 0
            self._condition.clear("the volume has space for what did not fit")

    def is_too_large(self, snapshot: Checkpoint) -> bool:
        """Whether to try it is pointless: as large a one did not fit, and nothing was freed since."""
        return 0 < self._bytes <= snapshot.bytes and self._volume.free_bytes() < self._free + MORE_BYTES
