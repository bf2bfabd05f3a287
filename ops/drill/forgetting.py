"""Takes what a drill stored off a company's volume again, so that its gate goes on copying.

A table that vanishes looks like a loss to the gate, which then copies nothing more. So it is told beforehand,
as `python -m ops accept-shrink` does, but only while nothing else is missing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ops.aws import Reach
from ops.drill.brains import PodBrains
from ops.drill.journal import Entry
from ops.drill.memories import Markers, NoBrain
from ops.errors import OperatorError
from ops.memory import BRAIN, Memory
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
"""What a journal's entry is about."""


def entry_of(markers: Markers, namespace: str, region: str) -> Entry:
    return {
        "what": MEMORIES,
        "namespace": namespace,
        "region": region,
        "companies": [markers.company, markers.nobody],
    }


class Forgetting:
    def __init__(self, stack: Stack, reach: Reach, brains: PodBrains) -> None:
        self._stack, self._reach, self._brains = stack, reach, brains

    def forget(self, entry: Entry) -> None:
        """Raises OperatorError with what is left, and where."""
        namespace, region, folders = entry["namespace"], entry["region"], entry["companies"]
        where = f".agent/brain/{folders[0]} of {namespace} in {region}"
        try:
            self._await_serving(namespace, region, where)
            if not self._stack.settings.replication.enabled:
                self._remove(namespace, region, folders)
                return
            self._remove_and_copy(namespace, region, folders)
        except NoBrain as error:
            raise OperatorError(f"{where} is left: {error}") from error

    def _await_serving(self, namespace: str, region: str, where: str) -> None:
        """A Brain that stands by is left alone: what it holds is replaced by what serves."""
        for _, tell in rounds(POLL_SECONDS, RETURN_SECONDS):
            try:
                why = self._brains.why_not(namespace, region)
            except NoBrain as error:
                why = str(error)
            if not why:
                return
            if tell:
                say(f"waiting until {where} can be removed (Ctrl-C leaves it to the next drill): {why}")
        raise OperatorError(f"{where} is left: {why}")

    def _remove_and_copy(self, namespace: str, region: str, folders: Sequence[str]) -> None:
        vault = Vault(self._reach.client("s3", region), self._memory(namespace, region))
        before = _newest(vault)
        if before is not None:
            self._allow(vault, before, folders)
        tables = set(self._remove(namespace, region, folders))
        if before is None:
            return
        limit = 2 * self._stack.settings.replication.sync_interval + SLACK_SECONDS
        for _ in rounds(POLL_SECONDS, limit):
            now = _newest(vault)
            if now is None or not _of(now, folders):
                return
            if now.id != before.id:
                if gone := sorted(_others(now, folders) - tables):
                    raise OperatorError(f"{namespace} in {region}: tables are missing on the volume: {gone}")
                before = now
                self._allow(vault, now, folders)
        raise OperatorError(
            f"the drill's memories are off the volume of {namespace} in {region}, and {limit:.0f} s later its"
            f" gate has made no copy without them: python -m ops accept-shrink --stack {self._stack.name}"
            f" --company {namespace} --region {region}"
        )

    def _allow(self, vault: Vault, newest: Checkpoint, folders: Sequence[str]) -> None:
        """The gate may make a copy that lacks them, if it would take them for lost."""
        ours = _of(newest, folders)
        left = {path: file for path, file in newest.files.items() if path not in ours}
        if ours and loss(newest, left, lambda path: b"") is not None:
            vault.order(ACCEPT_SHRINK, {"checkpoint": str(newest.id)})

    def _remove(self, namespace: str, region: str, folders: Sequence[str]) -> list[str]:
        """The tables that are left on the volume."""
        tables: list[str] = json.loads(self._brains.run(namespace, region, "forget", folders))
        return tables

    def _memory(self, namespace: str, region: str) -> Memory:
        return Memory(
            company=namespace,
            namespace=namespace,
            component=BRAIN,
            region=region,
            chosen="",
            bucket=self._stack.bucket(region),
            writers=(region,),
        )


def _newest(vault: Vault) -> Checkpoint | None:
    """Raises OperatorError."""
    id = vault.newest()
    try:
        return None if id is None else vault.read(Stored(writer=vault.memory.region, id=id))
    except ValueError as error:
        raise OperatorError(str(error)) from error


def _of(checkpoint: Checkpoint, folders: Sequence[str]) -> set[str]:
    return {path for path in checkpoint.files if path.split("/", 1)[0] in folders}


def _others(checkpoint: Checkpoint, folders: Sequence[str]) -> set[str]:
    return {path for path in checkpoint.tables if path.split("/", 1)[0] not in folders}
