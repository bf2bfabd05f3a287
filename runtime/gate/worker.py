"""The thread in which everything happens to the volume, one thing after another: following, then copying."""

from __future__ import annotations

import threading
import time
import traceback

from runtime.gate.application import Application
from runtime.gate.copies import Copies, kind_of
from runtime.gate.follow import Follower
from runtime.gate.roles import Role
from runtime.gate.settings import Environment, GateSettings
from runtime.gate.steps import Condition, Steps
from runtime.gate.store import Interrupted
from runtime.gate.swap import acknowledge
from runtime.gate.told import Told
from runtime.logs import log
from runtime.metrics import Metrics

ROUND_SECONDS = 1.0
STOP_SECONDS = 60.0
"""How long the last copy waits for the application to end: a pod's whole grace."""
POLL_SECONDS = 0.2


class Worker:
    """Rounds, until it is stopped. `interrupt` ends what runs; the next round goes by what then is told."""

    def __init__(
        self,
        environment: Environment,
        told: Told,
        follower: Follower,
        copies: Copies,
        application: Application,
        interrupt: threading.Event,
        steps: Steps,
        metrics: Metrics,
    ) -> None:
        self._environment = environment
        self._told = told
        self._follower = follower
        self._copies = copies
        self._application = application
        self._interrupt = interrupt
        self._steps = steps
        self._metrics = metrics
        self._following = Condition(steps, bad="FollowFailed", good="FollowRecovered")
        self._role: Role | None = None
        self.heard: frozenset[str] = frozenset()
        """The flags that the last round went by."""
        self._placing = False
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def interrupt(self) -> None:
        """The role has changed: what runs belongs to the old one."""
        self._interrupt.set()
        self._wake.set()

    def unfit(self, role: Role) -> str | None:
        """What keeps a pod of that role from serving, as far as the memory goes."""
        settings = self._told.settings
        if not settings.buckets:
            return None
        if self._environment.ordinal:
            return "the memory is being exchanged" if self._placing else None
        return self._follower.unfit(role)

    def problems(self, settings: GateSettings) -> list[str]:
        if not settings.buckets or self._environment.ordinal:
            return []
        alarm = self._follower.now.alarm
        following = [text for text in (self._following.problem, alarm) if text]
        return following + self._copies.problems(settings)

    def finish(self) -> bool:
        """End the rounds, await the application's end, make the last copy. Returns whether all is copied."""
        self._stopping.set()
        self.interrupt()
        self._thread.join()
        self._interrupt.clear()
        settings, role = self._told.settings, self._told.role
        if not settings.buckets or self._environment.ordinal:
            return True
        self._await_application()
        copied = self._copies.run(lambda: self._follower.copy(role))
        self._steps.record(
            "Stopped" if copied else "StoppedUncopied",
            "the last copy is made" if copied else f"not all is copied: {self._copies.problems(settings)}",
            warning=not copied,
        )
        return copied

    def _await_application(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        log("awaiting-application", running=len(self._application.running()))
        while self._application.running() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        if self._application.running():
            self._steps.record(
                "ApplicationStays", "the last copy does not wait for it any longer", warning=True
            )

    def _run(self) -> None:
        while True:
            self._wake.clear()
            self._interrupt.clear()
            # After the clearing: what was told before it is seen here, what is told after it interrupts.
            if self._stopping.is_set():
                return
            try:
                wait = self._round()
            except Interrupted:
                continue
            except Exception as error:
                self._failed(error)
                wait = ROUND_SECONDS
            self._wake.wait(wait)

    def _round(self) -> float:
        """What is to be done now. Returns the seconds until the next round."""
        flags = self._told.flags  # Before the role, which is thus never older.
        settings, role = self._told.settings, self._told.role
        if not settings.buckets:
            self.heard = flags
            return ROUND_SECONDS
        if self._environment.ordinal:
            volume, ordinal = self._environment.volume, self._environment.ordinal
            self._placing = acknowledge(volume, ordinal, self._application)
            self.heard = flags
            return ROUND_SECONDS
        if self._role is Role.SERVING and role is not Role.SERVING:
            self._copies.hurry()  # The region that serves next waits for what was written last.
        self._role = role
        self._follower.step(role, flags)
        self.heard = flags
        self._following.is_good("the memory can be worked with again")
        wait = self._copies.wait(settings)
        if wait > 0:
            return min(ROUND_SECONDS, wait)
        self._copies.run(lambda: self._follower.copy(role))
        return ROUND_SECONDS

    def _failed(self, error: Exception) -> None:
        kind = kind_of(error)
        self._metrics.add(
            "agency_follow_errors_total", 1, "Rounds that failed, by what was wrong.", kind=kind
        )
        if self._following.problem is None:
            trace = traceback.format_exc() if kind == "internal" else None
            log("follow-failed", level="error", kind=kind, error=str(error), trace=trace)
        self._following.is_bad(f"the memory cannot be worked with ({kind}): {error!r}")
