"""Reports checkpoints that count for nothing: their names claim what cannot be (`keys.sort_ids`)."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.gate.events import Record
from runtime.gate.storage.keys import CheckpointId, few
from runtime.metrics import Metrics


class IgnoredCheckpoints:
    """One event for each change; the metric always has what the last scan of each bucket showed."""

    def __init__(self, record: Record, metrics: Metrics) -> None:
        self._record = record
        self._metrics = metrics
        self._last: dict[tuple[str, str], list[CheckpointId]] = {}

    def __call__(self, bucket: str, writer: str, ids: Sequence[CheckpointId]) -> None:
        """`bucket` and `writer`: regions."""
        before = self._last.get((bucket, writer), [])
        self._last[bucket, writer] = list(ids)
        self._metrics.set("agency_ignored_checkpoints", len(ids), _HELP, bucket=bucket, writer=writer)
        if new := [str(id) for id in ids if id not in before]:
            message = (
                f"{writer}'s checkpoints in the bucket of {bucket} have a time after S3's own, or a"
                f" generation that no failovers lead to: {few(new)}"
            )
            self._record("CheckpointIgnored", message, warning=True)


_HELP = "Checkpoints that are ignored: their name claims a time or a generation that cannot be."
