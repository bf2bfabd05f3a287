"""The journal: what a drill has changed and not put back yet. Its file outlives the drill."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ops.errors import OperatorError
from plan.names import LOCAL
from runtime.gate.storage import durable

Entry = Mapping[str, Any]
"""Everything needed to put one change back; `what` is its kind."""
BUSY = "another drill of this stack runs on this machine: wait until it has ended"
POLL_SECONDS = 0.05
LOCK_SECONDS = 0.5
"""For `require_unlocked` of another process, which holds the lock for a moment."""
REPOSITORY = Path(__file__).resolve().parent.parent.parent


def path_of(stack: str, state: Path) -> Path:
    """The local target's journal is deleted with it; those of clusters stay until everything is put back."""
    return state / "drill.json" if stack == LOCAL else REPOSITORY / "drills" / f"unfinished-{stack}.json"


class Journal:
    """Used by one thread of one drill at a time (`locked`)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = path.with_suffix(".lock")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Raises OperatorError while another drill has the lock."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("ab") as stream:
            deadline = time.monotonic() + LOCK_SECONDS
            while not _flock(stream, fcntl.LOCK_EX):
                if time.monotonic() >= deadline:
                    raise OperatorError(BUSY)
                time.sleep(POLL_SECONDS)
            yield

    def require_unlocked(self) -> None:
        """Raises OperatorError while a drill has the lock. Creates no file."""
        if self._lock.exists():
            with self._lock.open("rb") as stream:
                if not _flock(stream, fcntl.LOCK_SH):
                    raise OperatorError(BUSY)

    def entries(self) -> list[Entry]:
        """In the order of the changes. Raises OperatorError for a damaged file."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise OperatorError(
                f"{self.path} is damaged ({error}): it lists what a drill has not put back yet; check the"
                " stack by hand, then delete the file"
            ) from error
        entries: list[Entry] = content["entries"]
        return entries

    def add(self, entry: Entry) -> None:
        """The entry is on disk when this returns: only then may the change be made."""
        durable.write_json(self.path, {"entries": [*self.entries(), dict(entry)]})

    def remove(self, entry: Entry) -> None:
        left = self.entries()
        if dict(entry) in left:
            left.remove(dict(entry))
        if left:
            durable.write_json(self.path, {"entries": left})
        else:
            self.path.unlink(missing_ok=True)


def _flock(stream: IO[bytes], kind: int) -> bool:
    """Whether the lock was free."""
    try:
        fcntl.flock(stream, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
