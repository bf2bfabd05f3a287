"""What the coordinator publishes for readiness, health and metrics."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runtime.metrics import Metrics

SWAPPING = "a swap is in progress"
VOLUME_TOO_SMALL = "agency_volume_too_small"
DIVERGED_UNSENT = "agency_diverged_unsent"
_PROBLEMS = {
    VOLUME_TOO_SMALL: "1 while the volume has no space for a snapshot, or for setting files aside.",
    DIVERGED_UNSENT: "1 while diverged files cannot be uploaded.",
}


@dataclass(frozen=True, kw_only=True)
class MemoryStatus:
    ready: bool
    """Whether the state of the active files lets a pod serve, in the role of the last round."""
    reason: str | None
    """Why not."""
    swapping: bool = False
    catching_up: bool = False
    alarm: str | None = None
    """What somebody has to look at."""
    problems: tuple[str, ...] = ()
    """What else does not work; it keeps no pod from serving."""


class StatusBoard:
    """One thread publishes; any thread reads `now`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._problems: dict[str, str | None] = {}
        self.now = MemoryStatus(ready=False, reason="the gate has not checked the volume yet")

    def publish(
        self,
        *,
        ready: bool = True,
        reason: str | None = None,
        catching_up: bool = False,
        alarm: str | None = None,
    ) -> None:
        self.now = replace(
            self.now, ready=ready, reason=reason, swapping=False, catching_up=catching_up, alarm=alarm
        )

    def report(self, metric: str, problem: str | None) -> None:
        """`metric`: that is 1 while there is this problem."""
        self._problems[metric] = problem
        self.now = replace(self.now, problems=tuple(text for text in self._problems.values() if text))
        self._metrics.set(metric, int(problem is not None), _PROBLEMS[metric])

    def set_swapping(self, swapping: bool) -> None:
        reason = SWAPPING if swapping else self.now.reason
        ready = self.now.ready and not swapping
        self.now = replace(self.now, swapping=swapping, ready=ready, reason=reason)
        self._metrics.set("agency_swapping", int(swapping), "1 while a swap is in progress.")
