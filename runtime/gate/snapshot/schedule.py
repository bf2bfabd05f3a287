"""When upload passes run, how they ended, and how far the newest snapshot lags behind."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from runtime.contracts.gate import GateConfig
from runtime.gate.events import Condition, EventLog
from runtime.gate.snapshot.upload import UploadResult
from runtime.gate.storage.errors import Refused, StoreError, Unreachable
from runtime.gate.storage.keys import few
from runtime.gate.storage.rclone import Interrupted
from runtime.logs import log
from runtime.metrics import Metrics

LAG_SLACK_SECONDS = 30.0
"""Beyond two intervals: what a pass may take before the lag is a problem."""
RESULTS = ("ok", "unchanged", "error", "guarded", "interrupted")
PASSES = "agency_copy_passes_total"


class UploadSchedule:
    """The first pass runs at this gate's own offset, then one pass an interval.

    One thread runs the passes; any thread may ask for the lag and the problems.
    """

    def __init__(self, marker: Path, events: EventLog, metrics: Metrics) -> None:
        """`marker`: a file whose mtime is the start of the last successful pass; it survives restarts."""
        self._marker = marker
        self._metrics = metrics
        self._failing = Condition(events, bad="CopyFailed", good="CopyRecovered")
        self._guarded = Condition(events, bad="LossGuard", good="LossGuardReleased")
        self._unreadable = Condition(events, bad="FilesLeftOut", good="FilesReadable")
        self._uncollected = Condition(events, bad="CollectFailed", good="CollectRecovered")
        self._record = events.record
        self._damaged = Condition(events, bad="CopiesDamaged", good="CopiesIntact")
        self._created = time.monotonic()
        self._last: float | None = None
        self._succeeded_at = _mtime(marker)
        for result in RESULTS:
            metrics.add(PASSES, 0, _PASSES_HELP, result=result)
        metrics.add("agency_copy_bytes_total", 0, _BYTES_HELP)
        metrics.add("agency_damaged_objects_total", 0, _DAMAGED_HELP)
        metrics.set("agency_loss_guard", 0, _GUARD_HELP)
        metrics.set("agency_files_left_out", 0, _LEFT_OUT_HELP)

    def wait(self, config: GateConfig) -> float:
        """Seconds until the next pass is due; the interval may have changed since the last pass."""
        first = self._created + offset(config)
        due = first if self._last is None else self._last + config.sync_interval
        return due - time.monotonic()

    def make_due(self) -> None:
        """Make the next pass due at once."""
        self._last = float("-inf")

    def run(self, upload: Callable[[], UploadResult | None]) -> bool:
        """One pass. Returns whether the bucket now holds what the volume held when the pass began.

        Raises Interrupted; the pass stays due then.
        """
        started, started_at = time.monotonic(), time.time()
        try:
            result = upload()
        except Interrupted:
            self._count("interrupted")
            log("copy-interrupted")
            raise
        except Exception as error:
            self._last = started
            self._failed(error)
            return False
        if result is None:
            return False
        self._last = started
        self._failing.clear(f"uploads work again, after {self.lag():.0f} s")
        return self._passed(result, started_at)

    def lag(self) -> float:
        """Seconds since the start of the last successful pass."""
        return max(0.0, time.time() - self._succeeded_at)

    def problems(self, config: GateConfig) -> list[str]:
        conditions = (
            self._failing,
            self._guarded,
            self._unreadable,
            self._uncollected,
            self._damaged,
        )
        problems = [each.problem for each in conditions if each.problem]
        if self.lag() > 2 * config.sync_interval + LAG_SLACK_SECONDS:
            problems.append(
                f"the newest snapshot is {self.lag():.0f} s old; the interval is {config.sync_interval} s"
            )
        return problems

    def _failed(self, error: Exception) -> None:
        kind = error_kind(error)
        self._count("error")
        self._metrics.add("agency_copy_errors_total", 1, "Failed upload passes by cause.", kind=kind)
        trace = traceback.format_exc() if kind == "internal" else None
        log("copy-failed", level="error", kind=kind, error=str(error), lag=round(self.lag(), 1), trace=trace)
        self._failing.report(f"the volume could not be uploaded ({kind}): {error}")

    def _passed(self, result: UploadResult, started_at: float) -> bool:
        self._metrics.set("agency_loss_guard", int(result.guarded is not None), _GUARD_HELP)
        self._metrics.add("agency_copy_bytes_total", result.uploaded_bytes, _BYTES_HELP)
        self._metrics.set("agency_files_left_out", len(result.failed), _LEFT_OUT_HELP)
        if result.failed:
            named = [f"{ascii(path)[1:-1][:200]} ({why})" for path, why in result.failed.items()]
            message = f"not uploaded in their present version: {few(named)}"
            self._unreadable.report(message)
        else:
            self._unreadable.clear("every file can be read")
        self._report_damage(result)
        if result.newest is not None:
            at = result.newest.id.at / 1000
            self._metrics.set("agency_checkpoint_timestamp_seconds", at, "Time of the newest checkpoint.")
            self._metrics.set("agency_snapshot_bytes", result.newest.bytes, "Size of the newest checkpoint.")
        if result.guarded is not None:
            self._count("guarded")
            self._guarded.report(result.guarded)
            return False
        self._guarded.clear("the volume is complete again, or its loss was accepted")
        if result.uncollected is None:
            self._uncollected.clear("old objects can be deleted again")
        else:
            self._uncollected.report(f"old objects could not be deleted: {result.uncollected}")
        self._count("ok" if result.changed else "unchanged")
        self._succeeded_at = started_at
        self._marker.parent.mkdir(parents=True, exist_ok=True)
        self._marker.touch()
        return True

    def _report_damage(self, result: UploadResult) -> None:
        if result.replaced:
            self._record(
                "ObjectsReplaced",
                f"somebody has changed uploaded objects: {few(result.replaced)}. They are uploaded again; the"
                " bucket has their versions",
                warning=True,
            )
        found = result.damaged_objects + len(result.replaced)
        self._metrics.add("agency_damaged_objects_total", found, _DAMAGED_HELP)
        if result.damaged is None:
            self._damaged.clear("the copies that were read back are intact")
        else:
            self._damaged.report(result.damaged)

    def _count(self, result: str) -> None:
        self._metrics.add(PASSES, 1, _PASSES_HELP, result=result)


_LEFT_OUT_HELP = "Files that the last upload pass could not read: snapshots have an older version, or none."
_PASSES_HELP = "Upload passes by result."
_BYTES_HELP = "Bytes sent to the bucket."
_DAMAGED_HELP = "Objects in the bucket that were found to have other content than was uploaded."
_GUARD_HELP = "1 while the loss guard allows no checkpoint: too much of the volume is gone."


def offset(config: GateConfig) -> float:
    """Seconds from the start to the first pass, from 0 to the interval: gates that start together do not
    upload together, and a restarted gate keeps its offset."""
    name = f"{config.namespace}/{config.region}/{config.component}"
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64
    return share * config.sync_interval


def error_kind(error: Exception) -> str:
    kinds = {Unreachable: "unreachable", Refused: "refused", StoreError: "store", OSError: "volume"}
    return next((kind for type, kind in kinds.items() if isinstance(error, type)), "internal")


def _mtime(file: Path) -> float:
    """Now, for a volume that was never uploaded."""
    try:
        return file.stat().st_mtime
    except OSError:
        return time.time()
