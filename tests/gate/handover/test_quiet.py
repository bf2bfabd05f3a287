"""Which locks of the application a swap waits for."""

from __future__ import annotations

import fcntl
from pathlib import Path

from runtime.gate.restore.quiesce import held_locks


def test_only_locks_that_are_held_count(tmp_path: Path) -> None:
    folder = tmp_path / "acme/episodic/locks"
    folder.mkdir(parents=True)
    file = folder / "acme.lock"
    file.touch()
    (tmp_path / ".standby/acme/locks/acme.lock.lock").mkdir(parents=True)

    assert held_locks(tmp_path, "brain") == []

    with file.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert held_locks(tmp_path, "brain") == [file]
    assert held_locks(tmp_path, "brain") == []

    held = folder / "acme.lock.lock"
    held.mkdir()
    assert held_locks(tmp_path, "brain") == [held]
