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
from runtime.gate.handover.roles import Role
from runtime.gate.handover.standby import Standby
from runtime.gate.handover.status import MemoryStatus
from runtime.gate.restore.requests import RestoreRequest, read_request
from runtime.gate.snapshot.scan import Snapshot
from runtime.gate.snapshot.upload import UploadResult
from runtime.gate.storage.bucket import StoreError
from runtime.gate.storage.keys import REQUESTS

LISTING_SECONDS = 3600.0
"""Between two listings by an idle gate: S3 has one answer for a missing and a forbidden object, and a role
that lost its rights should be noticed before it is needed."""
RETRY_REASON = "the snapshot is restored once more: the application wrote during the swap"


class Coordinator:
    """`round` and `upload` belong to one thread; any thread may read `now` and ask `unfit`."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.phase = Phase.STANDBY
        self._status = parts.status
        self._notice = Notice(parts.record)
        self._promotion = Promotion(parts)
        self._primary = Primary(parts)
        self._standby = Standby(parts)
        self._next_chores = 0.0
        self._next_listing = 0.0

    @property
    def now(self) -> MemoryStatus:
        """As of the last round."""
        return self._status.now

    def unfit(self, role: Role) -> str | None:
        """Why a pod of this role must not serve, because of the active files. A region that was just promoted
        is unfit, even before `round` has noticed."""
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
        self._chores(config)
        self._measure()
        return self.now

    def upload(self, role: Role, *, last: bool = False) -> UploadResult | None:
        """One pass; None while a swap is in progress. `last`: the gate ends. Raises as Uploader.run does."""
        config = self.parts.config()
        primary = not config.follows or (role is Role.PRIMARY and self.phase is Phase.PRIMARY)
        return self.parts.uploads.run(config, primary=primary, last=last)

    def _enter(self, phase: Phase) -> None:
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

    def _chores(self, config: GateConfig) -> None:
        """Once an interval: the upload of diverged files, an operator's restore request."""
        now = self.parts.monotonic()
        if now < self._next_chores:
            return
        self._next_chores = now + config.sync_interval
        if config.follows and (age := self._age()) is not None:
            self.parts.metrics.set("agency_standby_age_seconds", age, "Age of the newest snapshot here.")
        try:
            self.parts.uploads.run_diverged(config)
            own = self.parts.staging.stores(config.region, config.region)
            if now >= self._next_listing:
                own.list(REQUESTS)
                self._next_listing = now + LISTING_SECONDS
            request = read_request(own)
            if request is not None and self.phase in (Phase.ACTIVE, Phase.PRIMARY):
                self._carry_out(config, request)
            self._notice.reset()
        except StoreError as error:
            self._notice.record("ChoreFailed", str(error), warning=True, kind=error.kind)

    def _carry_out(self, config: GateConfig, request: RestoreRequest) -> None:
        """Raises StoreError when the snapshot is not available: it is tried again then."""
        state = self.parts.active.state(config)
        if not request.is_new(state.last_order):
            return
        snapshot = self._requested(config, request)
        after = state.restored_by_request(
            snapshot.checkpoint, request.id, ranked=config.ranked, now=self.parts.clock()
        )
        name = f"{request.region}'s checkpoint {request.checkpoint}"
        if not self.parts.replacement.replace(config, state, snapshot, after):
            raise StoreError(f"{name} could not be downloaded")
        self._status.publish()
        self.parts.record("Restored", f"{name} is restored, with generation {after.generation}")

    def _requested(self, config: GateConfig, request: RestoreRequest) -> Snapshot:
        problems, scanner = [], self.parts.active.scanner
        for bucket in dict.fromkeys([config.region, request.region, *config.buckets]):
            if bucket not in config.buckets:
                continue
            try:
                checkpoint = scanner.checkpoint(bucket, request.region, request.checkpoint)
                missing = scanner.missing(bucket, checkpoint)
            except StoreError as error:
                problems.append(str(error))
                continue
            if not missing:
                return Snapshot(checkpoint=checkpoint, buckets=(bucket,))
            problems.append(f"the bucket of {bucket} lacks {len(missing)} of its objects, as {missing[0]}")
        name = f"{request.region}'s checkpoint {request.checkpoint}, requested by {request.id},"
        raise StoreError(f"{name} is complete in no bucket: {'; '.join(problems)}")

    def _measure(self) -> None:
        now, metrics = self.now, self.parts.metrics
        metrics.set("agency_catching_up", int(now.catching_up), "1 while catching up.")
        metrics.set("agency_alarm", int(now.alarm is not None), "1 while a standby's files were changed.")
        state = self.parts.active.records.load()
        if state is not None:
            metrics.set("agency_generation", state.generation, "The generation of the active files.")

    def _age(self) -> float | None:
        """Of the staged snapshot, else of the restored one; by two machines' clocks."""
        newest = self.parts.staging.staged.current() or self.parts.active.records.restored()
        return None if newest is None else max(0.0, self.parts.clock() - newest.id.at / 1000)
