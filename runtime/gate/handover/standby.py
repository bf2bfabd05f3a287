"""The rounds of a standby: it hands over what it wrote as primary, stages the primary's newest snapshot,
and swaps it in now and then."""

from __future__ import annotations

from dataclasses import replace

from runtime.contracts.gate import GateConfig
from runtime.gate.events import Notice
from runtime.gate.handover.parts import Parts
from runtime.gate.handover.phases import StandbyStep, standby_step
from runtime.gate.lineage.state import LineageState
from runtime.gate.snapshot.scan import Snapshot
from runtime.gate.storage.errors import StoreError


class Standby:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._notice = Notice(parts.record)
        self._next_scan = 0.0
        self._alarm: str | None = None

    def round(self, config: GateConfig, *, demoted: bool) -> None:
        """`demoted`: the region was primary until now. Raises Interrupted and OSError."""
        if demoted or self._parts.monotonic() >= self._next_scan:
            # A demoted region first makes the upload for which the next primary waits.
            self._next_scan = self._parts.monotonic() + (0 if demoted else config.sync_interval)
            try:
                state = self._hand_over(config, self._parts.active.state(config))
                if not demoted:
                    self._follow(config, state)
                self._notice.reset()
            except StoreError as error:
                message = f"the other regions' buckets cannot be scanned: {error}"
                self._notice.record("FollowingFailed", message, warning=True, kind=error.kind)
        self._parts.status.publish(alarm=self._alarm)

    def _hand_over(self, config: GateConfig, state: LineageState) -> LineageState:
        """What was written while the region was primary is legitimate, though no pass has uploaded it yet."""
        if not state.serving:
            return state
        state = replace(self._parts.active.raise_for_changes(config, state), serving=False)
        self._parts.active.save(state)
        return state

    def _follow(self, config: GateConfig, state: LineageState) -> None:
        scan = self._parts.candidates.scan_for_standby(config)
        if config.region in scan.errors and not scan.listed:
            raise scan.errors[config.region]
        state = replace(state, seen=max(state.seen, scan.highest_generation), ranked=config.ranked)
        self._parts.active.save(state)
        self._check_written(config, state)
        winners = self._parts.candidates.winners(config, state, scan, primary=False)
        for snapshot in winners:
            if self._use(config, state, snapshot):
                return

    def _check_written(self, config: GateConfig, state: LineageState) -> None:
        """Files that somebody wrote to a standby are kept, but nobody should have written them."""
        alarm = None
        if not state.served and self._parts.active.changed(state, but_locks=True):
            message = "is standby, but its files were changed: it follows again once it has been primary"
            alarm = f"{config.region} {message}"
        if alarm is not None and self._alarm is None:
            self._parts.record("StandbyWritten", alarm, warning=True)
        elif alarm is None and self._alarm is not None:
            self._parts.record("StandbyClean", "the files are again those of the restored snapshot")
        self._alarm = alarm

    def _use(self, config: GateConfig, state: LineageState, snapshot: Snapshot) -> bool:
        """False when no bucket gives the snapshot, or the volume has no space for it."""
        since_swap = None if state.swapped_at is None else self._parts.clock() - state.swapped_at
        step = standby_step(written=self._alarm is not None, since_swap=since_swap)
        if step is StandbyStep.STAGE:
            return self._parts.replacement.stage(snapshot)
        return self._parts.replacement.replace(config, state, snapshot)
