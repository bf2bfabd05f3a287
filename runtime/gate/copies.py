"""When the volume is copied, how that went, and how far the copy is behind."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from runtime.gate.copier import PassResult
from runtime.gate.settings import GateSettings
from runtime.gate.steps import Condition, Steps
from runtime.gate.store import Interrupted, Refused, StoreError, Unreachable
from runtime.logs import log
from runtime.metrics import Metrics

LAG_SLACK_SECONDS = 30.0
"""Beyond two intervals: what a pass may take before a copy counts as late."""
RESULTS = ("ok", "unchanged", "error", "guarded", "interrupted")
PASSES = "agency_copy_passes_total"


class Copies:
    """Passes one after another: the first at an offset of this gate's own, then one an interval.

    One thread runs them; any may ask for the lag and the problems.
    """

    def __init__(self, mark: Path, steps: Steps, metrics: Metrics) -> None:
        """`mark`: a file whose time is that of the last pass that succeeded: a restart forgets no lag."""
        self._mark = mark
        self._metrics = metrics
        self._failing = Condition(steps, bad="CopyFailed", good="CopyRecovered")
        self._guarded = Condition(steps, bad="LossGuard", good="LossGuardReleased")
        self._uncollected = Condition(steps, bad="CollectFailed", good="CollectRecovered")
        self._born = time.monotonic()
        self._last: float | None = None
        self._good_at = _time_of(mark)
        for result in RESULTS:
            metrics.add(PASSES, 0, _PASSES_HELP, result=result)
        metrics.add("agency_copy_bytes_total", 0, _BYTES_HELP)
        metrics.set("agency_loss_guard", 0, _GUARD_HELP)

    def wait(self, settings: GateSettings) -> float:
        """Seconds until the next pass is due; the interval may have changed since the last."""
        first = self._born + offset(settings)
        due = first if self._last is None else self._last + settings.sync_interval
        return due - time.monotonic()

    def hurry(self) -> None:
        """Make the next pass due at once."""
        self._last = float("-inf")

    def run(self, copy: Callable[[], PassResult | None]) -> bool:
        """One pass. Returns whether the copy now holds what the volume held when it began.

        Raises Interrupted; the pass stays due then.
        """
        started, begun = time.monotonic(), time.time()
        try:
            result = copy()
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
        self._failing.is_good(f"copied again, after {self.lag():.0f} s")
        return self._passed(result, begun)

    def lag(self) -> float:
        """Seconds since the last pass that succeeded began."""
        return max(0.0, time.time() - self._good_at)

    def problems(self, settings: GateSettings) -> list[str]:
        conditions = (self._failing, self._guarded, self._uncollected)
        found = [each.problem for each in conditions if each.problem]
        if self.lag() > 2 * settings.sync_interval + LAG_SLACK_SECONDS:
            found.append(
                f"the copy is {self.lag():.0f} s behind, at an interval of {settings.sync_interval} s"
            )
        return found

    def _failed(self, error: Exception) -> None:
        kind = kind_of(error)
        self._count("error")
        self._metrics.add("agency_copy_errors_total", 1, "Passes that failed, by what was wrong.", kind=kind)
        trace = traceback.format_exc() if kind == "internal" else None
        log("copy-failed", level="error", kind=kind, error=str(error), lag=round(self.lag(), 1), trace=trace)
        self._failing.is_bad(f"the volume could not be copied ({kind}): {error}")

    def _passed(self, result: PassResult, begun: float) -> bool:
        self._metrics.set("agency_loss_guard", int(result.guarded is not None), _GUARD_HELP)
        self._metrics.add("agency_copy_bytes_total", result.uploaded_bytes, _BYTES_HELP)
        if result.newest is not None:
            at = result.newest.id.at / 1000
            self._metrics.set(
                "agency_checkpoint_timestamp_seconds", at, "When the newest checkpoint was made."
            )
        if result.guarded is not None:
            self._count("guarded")
            self._guarded.is_bad(result.guarded)
            return False
        self._guarded.is_good("the volume is right again, or its loss was accepted")
        if result.uncollected is None:
            self._uncollected.is_good("what is old can be deleted again")
        else:
            self._uncollected.is_bad(f"what is old could not be deleted: {result.uncollected}")
        self._count("ok" if result.changed else "unchanged")
        self._good_at = begun
        self._mark.parent.mkdir(parents=True, exist_ok=True)
        self._mark.touch()
        return True

    def _count(self, result: str) -> None:
        self._metrics.add(PASSES, 1, _PASSES_HELP, result=result)


_PASSES_HELP = "Passes over the volume, by how they ended."
_BYTES_HELP = "Bytes sent to the bucket."
_GUARD_HELP = "1 while the loss guard holds: too much of the volume is gone."


def offset(settings: GateSettings) -> float:
    """Seconds from the start to the first pass, from 0 to the interval: gates that start together do not copy
    together, and one that starts again keeps its own."""
    name = f"{settings.namespace}/{settings.region}/{settings.component}"
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64
    return share * settings.sync_interval


def kind_of(error: Exception) -> str:
    kinds = {Unreachable: "unreachable", Refused: "refused", StoreError: "store", OSError: "volume"}
    return next((kind for type, kind in kinds.items() if isinstance(error, type)), "internal")


def _time_of(file: Path) -> float:
    """Now, of a volume that was never copied."""
    try:
        return file.stat().st_mtime
    except OSError:
        return time.time()
