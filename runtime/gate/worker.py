"""The thread that does everything on the volume, one thing after another: the coordinator's round, then
uploads."""

from __future__ import annotations

import threading
import time
import traceback

from runtime.contracts.gate import GateConfig
from runtime.gate.application import Application
from runtime.gate.config import Environment
from runtime.gate.events import Condition, EventLog
from runtime.gate.handover.coordinator import Coordinator
from runtime.gate.handover.roles import Role
from runtime.gate.handover.status import SWAPPING
from runtime.gate.live_config import LiveConfig
from runtime.gate.restore.quiesce import acknowledge
from runtime.gate.snapshot.schedule import UploadSchedule, error_kind
from runtime.gate.storage import reserve
from runtime.gate.storage.rclone import Interrupted
from runtime.gate.storage.writer import VolumeInUse, WriterLock
from runtime.logs import log
from runtime.metrics import Metrics

ROUND_SECONDS = 1.0
STOP_SECONDS = 60.0
"""How long the last upload waits for the application to end: a pod's whole grace."""
POLL_SECONDS = 0.2
LOCKED_OUT = "agency_volume_in_use"
_LOCKED_OUT_HELP = "1 while another process writes to the volume."


class Worker:
    """Rounds until it is stopped. `interrupt` ends the current round; the next one uses the config of
    then."""

    def __init__(
        self,
        environment: Environment,
        live: LiveConfig,
        coordinator: Coordinator,
        schedule: UploadSchedule,
        application: Application,
        interrupt: threading.Event,
        events: EventLog,
        metrics: Metrics,
        writer: WriterLock | None = None,
    ) -> None:
        self._writer = writer or WriterLock(environment.volume)
        self._locked = Condition(
            events,
            bad="VolumeInUse",
            good="VolumeLocked",
            on_change=lambda problem: metrics.set(LOCKED_OUT, int(problem is not None), _LOCKED_OUT_HELP),
        )
        self._environment = environment
        self._live = live
        self._coordinator = coordinator
        self._schedule = schedule
        self._application = application
        self._interrupt = interrupt
        self._events = events
        self._metrics = metrics
        self._failing = Condition(events, bad="FollowFailed", good="FollowRecovered")
        self._role: Role | None = None
        self.acknowledged: frozenset[str] = frozenset()
        """The flags of the last round."""
        self._swapping = False
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def interrupt(self) -> None:
        """The role has changed: the current round belongs to the old one."""
        self._interrupt.set()
        self._wake.set()

    def why_not_ready(self, role: Role) -> str | None:
        """Why a pod of this role must not serve, because of the active files."""
        if not self._live.config.buckets:
            return None
        if self._environment.ordinal:
            return SWAPPING if self._swapping else None
        return self._locked.problem or self._coordinator.why_not_ready(role)

    def problems(self, config: GateConfig) -> list[str]:
        if not config.buckets or self._environment.ordinal:
            return []
        now = self._coordinator.now
        problems = (self._locked.problem, self._failing.problem, now.alarm, *now.problems)
        return [text for text in problems if text] + self._schedule.problems(config)

    def finish(self) -> bool:
        """End the rounds, wait for the application's end, make the last upload. Returns whether everything is
        uploaded."""
        self._stopping.set()
        self.interrupt()
        self._thread.join()
        self._interrupt.clear()
        config, role = self._live.config, self._live.role
        if not config.buckets or self._environment.ordinal:
            return True
        self._await_application()
        try:
            return self._upload_last(config, role)
        finally:
            self._writer.release()

    def _upload_last(self, config: GateConfig, role: Role) -> bool:
        if not self._may_write():
            self._events.record(
                "StoppedUncopied", f"nothing was uploaded: {self._locked.problem}", warning=True
            )
            return False
        uploaded = self._schedule.run(lambda: self._coordinator.upload(role, last=True))
        if uploaded:
            self._events.record("Stopped", "the last upload is made")
        else:
            problems = "; ".join(self._schedule.problems(config))
            message = f"not everything is uploaded: {problems}"
            self._events.record("StoppedUncopied", message, warning=True)
        return uploaded

    def _await_application(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        log("awaiting-application", running=len(self._application.running()))
        while self._application.running() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        if self._application.running():
            message = f"the application did not end in {STOP_SECONDS:.0f} s: the last upload starts now"
            self._events.record("ApplicationStays", message, warning=True)

    def _run(self) -> None:
        while True:
            self._wake.clear()
            self._interrupt.clear()
            # After clearing: an earlier change is seen in this round, a later one interrupts it.
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
        """Returns the seconds until the next round."""
        flags = self._live.flags  # Before the role, which is thus never older.
        config, role = self._live.config, self._live.role
        if not config.buckets:
            self.acknowledged = flags
            return ROUND_SECONDS
        if ordinal := self._environment.ordinal:
            self._swapping = acknowledge(self._environment.volume, ordinal, self._application)
            self.acknowledged = flags
            return ROUND_SECONDS
        if self._role is Role.PRIMARY and role is not Role.PRIMARY:
            self._schedule.make_due()  # The next primary waits for this region's last upload.
        self._role = role
        if not self._may_write():
            return ROUND_SECONDS
        reserve.keep_if_possible(self._environment.volume)
        self._coordinate(role, flags)
        wait = self._schedule.wait(config)
        if wait > 0:
            return min(ROUND_SECONDS, wait)
        self._schedule.run(lambda: self._coordinator.upload(role))
        return ROUND_SECONDS

    def _coordinate(self, role: Role, flags: frozenset[str]) -> None:
        """The coordinator's round. A failed one keeps nothing from being uploaded."""
        try:
            self._coordinator.round(role, flags)
        except Interrupted:
            raise
        except Exception as error:
            self._failed(error)
            return
        self.acknowledged = flags
        self._failing.clear("rounds succeed again")

    def _may_write(self) -> bool:
        """Whether this process alone writes to the volume."""
        try:
            self._writer.acquire()
        except OSError as error:
            self._locked.report(error.message if isinstance(error, VolumeInUse) else str(error))
            return False
        self._locked.clear("this gate writes to the volume")
        return True

    def _failed(self, error: Exception) -> None:
        kind = error_kind(error)
        self._metrics.add("agency_follow_errors_total", 1, "Failed rounds by cause.", kind=kind)
        if self._failing.problem is None:
            trace = traceback.format_exc() if kind == "internal" else None
            log("follow-failed", level="error", kind=kind, error=str(error), trace=trace)
        self._failing.report(f"the round failed ({kind}): {error!r}")
