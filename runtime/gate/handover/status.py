"""What the coordinator publishes for readiness, health and metrics."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runtime.metrics import Metrics

SWAPPING = "a swap is in progress"


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


class StatusBoard:
    """One thread publishes; any thread reads `now`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.now = MemoryStatus(ready=False, reason="the gate has not checked the volume yet")

    def publish(
        self,
        *,
        ready: bool = True,
        reason: str | None = None,
        catching_up: bool = False,
        alarm: str | None = None,
    ) -> None:
        self.now = MemoryStatus(ready=ready, reason=reason, catching_up=catching_up, alarm=alarm)

    def set_swapping(self, swapping: bool) -> None:
        reason = SWAPPING if swapping else self.now.reason
        ready = self.now.ready and not swapping
        self.now = replace(self.now, swapping=swapping, ready=ready, reason=reason)
        self._metrics.set("agency_swapping", int(swapping), "1 while a swap is in progress.")
