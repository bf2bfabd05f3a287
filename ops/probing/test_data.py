"""Test data in a Brain: memories under a company name that no tenant has. They have a folder of their own on
the volume, and no tenant's recall finds them.

They are removed in a way that the gate's loss guard accepts. The folder is a table, and a table that vanishes
looks like a loss: the gate would stop its uploads. So a request goes to the gate first, as `python -m ops
accept-shrink` does, and only while nothing but test data is missing: it counts for one checkpoint alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ops.checkpoints import CheckpointStore
from ops.errors import OperatorError
from ops.probing.pods import ComponentPod
from ops.stack import Stack
from ops.terminal import wait_until
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.snapshot.loss_guard import ACCEPT_SHRINK, loss

DRILL, VALIDATION = "drill", "validation"
"""Names of test data begin with one of them and a hyphen (`in_pod/volume.py`)."""
STORE, QUERY = "brain_store", "brain_query"
POLL_SECONDS = 1.0
UPLOAD_SECONDS = 30.0
"""For an upload, beyond the interval (`runtime/gate/snapshot/schedule.py`)."""
LOSS_GUARD = "agency_loss_guard"


def memory(company: str, id: str, request: str, solution: str) -> Mapping[str, Any]:
    """Arguments of STORE."""
    return {"taskId": id, "request": request, "solution": solution, "company": company}


def query(company: str, text: str, limit: int) -> Mapping[str, Any]:
    """Arguments of QUERY."""
    return {"query": text, "company": company, "limit": limit}


@dataclass(frozen=True, kw_only=True)
class Removal:
    """Of files and folders below a pod's volume."""

    stack: Stack
    pod: ComponentPod
    store: CheckpointStore | None
    """None without replication."""
    paths: Collection[str]
    upload_seconds: float = UPLOAD_SECONDS

    def run(self) -> None:
        """Raises Failure, OperatorError and HttpError, naming what is left."""
        newest = self._newest()
        if newest is not None and self._looks_like_loss(newest):
            require_calm(self.pod)
            self._accept(newest)
        remaining = set(self.pod.run("volume", {"remove": [*self.paths]})["tables"])
        if newest is not None:
            self._await_upload(newest, remaining)

    def _await_upload(self, accepted: Checkpoint, remaining: Collection[str]) -> None:
        """Until the gate has uploaded a checkpoint after which nothing looks like a loss."""

        def is_uploaded() -> bool:
            nonlocal accepted
            newest = self._newest()
            if newest is None or not self._looks_like_loss(newest):
                return True
            if newest.id != accepted.id:
                # An upload just before the files went: the request was for an older checkpoint.
                tables = {table for table in newest.tables if not self._is_test_data(table)}
                if missing := sorted(tables.difference(remaining)):
                    raise OperatorError(f"{self.pod}: tables are missing on the volume: {missing}")
                self._accept(newest)
                accepted = newest
            return False

        limit = 2 * self.stack.settings.replication.sync_interval + self.upload_seconds
        if wait_until(is_uploaded, limit, f"{self.pod} uploads without test data", POLL_SECONDS) is None:
            raise self.pod.failure(
                f"test data is removed from the volume of {self.pod}, but {limit:.0f} s later its gate has"
                f" uploaded no checkpoint without it: {self.pod.report()}; if nothing else is missing: python"
                f" -m ops accept-shrink --stack {self.stack.name} --company {self.pod.namespace} --region"
                f" {self.pod.region} --component {self.pod.component}"
            )

    def _newest(self) -> Checkpoint | None:
        """Raises Failure for an invalid checkpoint."""
        try:
            return self.store.newest_checkpoint() if self.store else None
        except ValueError as error:
            raise self.pod.failure(str(error)) from error

    def _looks_like_loss(self, checkpoint: Checkpoint) -> bool:
        """Whether the gate would take a volume without test data for a damaged volume."""
        rest = {path: file for path, file in checkpoint.files.items() if not self._is_test_data(path)}
        return len(rest) < len(checkpoint.files) and loss(checkpoint, rest, lambda path: b"") is not None

    def _is_test_data(self, path: str) -> bool:
        return any(path == each or path.startswith(f"{each}/") for each in self.paths)

    def _accept(self, checkpoint: Checkpoint) -> None:
        assert self.store is not None
        self.store.send_request(ACCEPT_SHRINK, {"checkpoint": str(checkpoint.id)})


def require_calm(pod: ComponentPod) -> None:
    """Raises Failure while the loss guard holds already: the request would accept that loss, too."""
    holds = pod.metric(LOSS_GUARD)
    if holds != 0:
        state = "is not known" if holds is None else "holds already"
        raise pod.failure(f"the loss guard of {pod} {state}, so test data stays there: {pod.report()}")
