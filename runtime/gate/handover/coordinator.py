"""The coordinator: what one gate does with its volume, round by round, in the thread of `worker.py`.

`phases.py` has the state machine; `round` finds the phase and runs its round. `upload` also makes the last
upload pass, after the application has stopped.
"""

from __future__ import annotations

from collections.abc import Collection

from runtime.contracts.gate import GateConfig
from runtime.gate.events import Notice
from runtime.gate.handover.parts import Parts
from runtime.gate.handover.phases import Phase, next_phase
from runtime.gate.handover.primary import Primary
from runtime.gate.handover.promotion import REASON, Promotion
from runtime.gate.handover.requests import Requests
from runtime.gate.handover.roles import Role
from runtime.gate.handover.standby import Standby
from runtime.gate.handover.status import MemoryStatus
from runtime.gate.snapshot.upload import UploadResult
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.keys import REQUESTS

LISTING_SECONDS = 3600.0
"""Between two listings by an idle gate: S3 has one answer for a missing and a forbidden object, and a role
that lost its rights should be noticed before it is needed."""
RETRY_REASON = "the snapshot is restored once more: the application wrote during the swap"


class Coordinator:
    """`round` and `upload` belong to one thread; any thread may read `now` and ask `why_not_ready`."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.phase = Phase.STANDBY
        self._status = parts.status
        self._notice = Notice(parts.record)
        self._promotion = Promotion(parts)
        self._primary = Primary(parts)
        self._standby = Standby(parts)
        self._requests = Requests(parts)
        self._next_housekeeping = 0.0
        self._next_listing = 0.0

    @property
    def now(self) -> MemoryStatus:
        """As of the last round."""
        return self._status.now

    def why_not_ready(self, role: Role) -> str | None:
        """Why a pod of this role must not serve, because of the active files. A region that was just promoted
        is not ready, even before `round` has noticed."""
        now = self.now
        if not now.ready:
            return now.reason
        if role is Role.PRIMARY and self.parts.config().follows and self.phase is not Phase.PRIMARY:
            return REASON
        return None

    def round(self, role: Role, flags: Collection[str]) -> MemoryStatus:
        """One round. Errors of S3 are recorded. Raises Interrupted when the role changes, OSError when the
        volume fails (also when it is full), and ValueError for a damaged record: call it again then."""
        config, replacement = self.parts.config(), self.parts.replacement
        replacement.finish_unfinished()
        if replacement.needs_retry:
            self._status.publish(ready=False, reason=RETRY_REASON)
            if replacement.retry(config):
                return self.now
        self._enter(next_phase(self.phase, role=role, follows=bool(config.follows)))
        self._run(config, flags)
        self._housekeeping(config)
        self._measure()
        return self.now

    def upload(self, role: Role, *, last: bool = False) -> UploadResult | None:
        """One pass; None while a swap is in progress. `last`: the gate ends. Raises as Uploader.run does."""
        config = self.parts.config()
        primary = not config.follows or (role is Role.PRIMARY and self.phase is Phase.PRIMARY)
        return self.parts.uploads.run(config, primary=primary, last=last)

    def _enter(self, phase: Phase) -> None:
        if phase is Phase.ACTIVE and self.phase is not Phase.ACTIVE:
            # The region follows nobody any more. A staged snapshot would keep files that tables have dropped.
            with self.parts.writer.held():
                self.parts.staging.staged.remove()
        self.phase = phase
        if phase not in (Phase.CATCHING_UP, Phase.PRIMARY):
            self._promotion.cancel()
            self._primary.stop()

    def _run(self, config: GateConfig, flags: Collection[str]) -> None:
        if self.phase is Phase.ACTIVE:
            self._own(config)
        elif self.phase is Phase.CATCHING_UP:
            if self._promotion.round(config, flags):
                self.phase = Phase.PRIMARY
                self._primary.start(config)
        elif self.phase is Phase.PRIMARY:
            if self._primary.round(config):
                self._status.publish()
            else:
                self.phase = Phase.CATCHING_UP
        else:
            self._standby.round(config, demoted=self.phase is Phase.DEMOTED)

    def _own(self, config: GateConfig) -> None:
        active = self.parts.active
        if (state := active.records.load()) is not None:
            active.save(state.as_primary(ranked=config.ranked))
        self._status.publish()

    def _housekeeping(self, config: GateConfig) -> None:
        """Once an interval: the upload of diverged files, an operator's restore request."""
        now = self.parts.monotonic()
        if now < self._next_housekeeping:
            return
        self._next_housekeeping = now + config.sync_interval
        if config.follows and (age := self._age()) is not None:
            self.parts.metrics.set("agency_standby_age_seconds", age, "Age of the newest snapshot here.")
        try:
            self.parts.uploads.try_diverged(config)
            if now >= self._next_listing:
                self.parts.stores(config.region, config.region).list(REQUESTS)
                self._next_listing = now + LISTING_SECONDS
            if self.phase in (Phase.ACTIVE, Phase.PRIMARY) and self._requests.carry_out(config):
                self._status.publish()
            self._notice.reset()
        except StoreError as error:
            self._notice.record("ChoreFailed", str(error), warning=True, kind=error.kind)

    def _measure(self) -> None:
        now, metrics = self.now, self.parts.metrics
        metrics.set("agency_catching_up", int(now.catching_up), "1 while catching up.")
        metrics.set("agency_alarm", int(now.alarm is not None), "1 while a standby's files were changed.")
        metrics.set("agency_volume_free_bytes", self.parts.volume.free_bytes(), "Free on the volume.")
        state = self.parts.active.records.load()
        if state is not None:
            metrics.set("agency_generation", state.generation, "The generation of the active files.")

    def _age(self) -> float | None:
        """Of the staged snapshot, else of the restored one; by two machines' clocks."""
        newest = self.parts.staging.staged.current() or self.parts.active.records.restored()
        return None if newest is None else max(0.0, self.parts.clock() - newest.id.at / 1000)
