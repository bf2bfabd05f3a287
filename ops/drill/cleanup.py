"""Removes a drill's markers from a company's volume, so that its gate goes on uploading.

A table that vanishes looks like a loss to the gate, which then uploads nothing more. So the cleanup announces
this loss to the gate, as `python -m ops accept-shrink` does, but only while nothing else is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from ops.aws import Reach
from ops.drill.journal import Entry
from ops.drill.observe.brains import PodBrains
from ops.drill.observe.markers import BrainError, Markers
from ops.drill.observe.snapshots import vault_of
from ops.errors import OperatorError
from ops.stack import Stack
from ops.terminal import rounds, say
from ops.vault import Stored, Vault
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.snapshot.loss_guard import ACCEPT_SHRINK, loss

POLL_SECONDS = 1.0
SLACK_SECONDS = 30.0
RETURN_SECONDS = 300.0
"""Until a region that was taken down serves again."""
MEMORIES = "memories"
"""The kind of the journal's entry."""


def entry_of(markers: Markers, namespace: str, region: str) -> Entry:
    return {
        "what": MEMORIES,
        "namespace": namespace,
        "region": region,
        "companies": [markers.company, markers.nobody],
    }


class Cleanup:
    def __init__(self, stack: Stack, reach: Reach, brains: PodBrains) -> None:
        self._stack, self._reach, self._brains = stack, reach, brains

    def remove_markers(self, entry: Entry) -> None:
        """Raises OperatorError with what is left, and where."""
        namespace, region, folders = entry["namespace"], entry["region"], entry["companies"]
        where = f".agent/brain/{folders[0]} of {namespace} in {region}"
        try:
            self._await_serving(namespace, region, where)
            if self._stack.settings.replication.enabled:
                self._remove_and_await_upload(namespace, region, folders)
            else:
                self._remove(namespace, region, folders)
        except BrainError as error:
            raise OperatorError(f"{where} is left: {error}") from error

    def _await_serving(self, namespace: str, region: str, where: str) -> None:
        """A standby is left alone: the primary's snapshot replaces its files."""
        for _, tell in rounds(POLL_SECONDS, RETURN_SECONDS):
            try:
                problem = self._brains.not_serving(namespace, region)
            except BrainError as error:
                problem = str(error)
            if not problem:
                return
            if tell:
                say(f"waiting until {where} can be removed (Ctrl-C leaves it to the next drill): {problem}")
        raise OperatorError(f"{where} is left: {problem}")

    def _remove_and_await_upload(self, namespace: str, region: str, folders: Sequence[str]) -> None:
        vault = vault_of(self._stack, self._reach, namespace, region, region)
        before = _newest(vault)
        if before is not None:
            _accept_loss(vault, before, folders)
        remaining = set(self._remove(namespace, region, folders))
        if before is None:
            return
        limit = 2 * self._stack.settings.replication.sync_interval + SLACK_SECONDS
        for _ in rounds(POLL_SECONDS, limit):
            now = _newest(vault)
            if now is None or not _paths_in(now, folders):
                return
            if now.id != before.id:
                others = {table for table in now.tables if not _is_in(table, folders)}
                if missing := sorted(others - remaining):
                    text = f"{namespace} in {region}: tables are missing on the volume: {missing}"
                    raise OperatorError(text)
                before = now
                _accept_loss(vault, now, folders)
        raise OperatorError(
            f"the drill's markers are off the volume of {namespace} in {region}, but {limit:.0f} s later its"
            f" gate has uploaded no snapshot without them: python -m ops accept-shrink --stack"
            f" {self._stack.name} --company {namespace} --region {region}"
        )

    def _remove(self, namespace: str, region: str, folders: Sequence[str]) -> list[str]:
        """Returns the tables that remain on the volume."""
        tables: list[str] = self._brains.run(namespace, region, "forget", folders)
        return tables


def _accept_loss(vault: Vault, newest: Checkpoint, folders: Sequence[str]) -> None:
    """Where the gate would count the removal as a loss, it may upload a snapshot without these folders."""
    removed = _paths_in(newest, folders)
    left = {path: file for path, file in newest.files.items() if path not in removed}
    if removed and loss(newest, left, lambda path: b"") is not None:
        vault.order(ACCEPT_SHRINK, {"checkpoint": str(newest.id)})


def _newest(vault: Vault) -> Checkpoint | None:
    """Raises OperatorError."""
    id = vault.newest()
    try:
        return None if id is None else vault.read(Stored(writer=vault.memory.region, id=id))
    except ValueError as error:
        raise OperatorError(str(error)) from error


def _paths_in(checkpoint: Checkpoint, folders: Sequence[str]) -> set[str]:
    return {path for path in checkpoint.files if _is_in(path, folders)}


def _is_in(path: str, folders: Sequence[str]) -> bool:
    return path.split("/", 1)[0] in folders
