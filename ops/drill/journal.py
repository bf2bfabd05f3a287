"""What a drill has changed and not put back yet: a file that outlives the drill, however it ends."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.machine.files import write_atomically
from ops.errors import OperatorError
from plan.names import LOCAL

Entry = Mapping[str, Any]
"""What is needed to put it back; `what` says of which kind it is."""
REPOSITORY = Path(__file__).resolve().parent.parent.parent


def path_of(stack: str, state: Path) -> Path:
    """The local target's goes with it; those of clusters stay until somebody has put things back."""
    return state / "drill.json" if stack == LOCAL else REPOSITORY / "drills" / f"unfinished-{stack}.json"


class Journal:
    """Used by one thread of one drill at a time (`locked`)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Raises OperatorError while another drill holds it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("ab") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OperatorError(
                    "another drill of this stack runs on this machine: wait until it has ended"
                ) from None
            yield

    def entries(self) -> list[Entry]:
        """In the order in which they were made. Raises OperatorError for a file that is none."""
        try:
            told = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise OperatorError(
                f"{self.path} is damaged ({error}): it says what a drill has not put back yet; look at the"
                " stack by hand, then delete the file"
            ) from error
        entries: list[Entry] = told["entries"]
        return entries

    def add(self, entry: Entry) -> None:
        """On the disk when it returns: only then may the thing be done."""
        self._write([*self.entries(), dict(entry)])

    def remove(self, entry: Entry) -> None:
        left = self.entries()
        if dict(entry) in left:
            left.remove(dict(entry))
        if left:
            self._write(left)
        else:
            self.path.unlink(missing_ok=True)

    def _write(self, entries: list[Entry]) -> None:
        write_atomically(self.path, json.dumps({"entries": entries}, indent=1) + "\n")
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
