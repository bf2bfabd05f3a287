"""The rounds of a primary: it announces itself, and notices when another region's snapshot wins meanwhile."""

from __future__ import annotations

from dataclasses import replace

from runtime.contracts.gate import GateConfig
from runtime.gate.events import Notice
from runtime.gate.handover.parts import Parts
from runtime.gate.handover.phases import PrimaryStep, PrimaryView, primary_step
from runtime.gate.lineage.ranking import priority
from runtime.gate.lineage.state import LineageState
from runtime.gate.snapshot.scan import Snapshot
from runtime.gate.storage.errors import StoreError


class Primary:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._notice = Notice(parts.record)
        self._next_scan = 0.0
        self._announced = False
        self._outranked_since: float | None = None

    def start(self, config: GateConfig) -> None:
        """After catching up."""
        self._notice.reset()
        self._next_scan = self._parts.monotonic() + config.sync_interval
        self._announce(config)

    def stop(self) -> None:
        """The region is no longer primary."""
        self._announced = False
        self._outranked_since = None

    def round(self, config: GateConfig) -> bool:
        """Whether the region stays primary; else it catches up again. Raises Interrupted and OSError; errors
        of S3 are recorded."""
        if self._parts.monotonic() >= self._next_scan:
            self._next_scan = self._parts.monotonic() + config.sync_interval
            self._announced = False  # The bucket may not say so any more.
            if not self._watch(config):
                return False
        self._announce(config)
        return True

    def _announce(self, config: GateConfig) -> None:
        if self._announced or not config.ranked:
            return
        self._announced = True
        try:
            self._parts.uploads.announce(config)
        except StoreError as error:
            message = f"{config.region} is primary, and its bucket cannot say so yet: {error}"
            self._notice.record("Unannounced", message, warning=True, kind=error.kind)

    def _watch(self, config: GateConfig) -> bool:
        """Another region may have been primary at the same time; the generation of its snapshot tells."""
        try:
            state = self._parts.active.state(config)
            scan = self._parts.candidates.scan_own_bucket(config)
        except StoreError as error:
            message = f"the lineage of the active files is unknown: {error}"
            self._notice.record("StateUnknown", message, warning=True, kind=error.kind)
            return True
        if not (state.serving and state.served):
            state = state.as_primary(ranked=config.ranked)
        if scan.highest_generation > state.seen:
            state = replace(state, seen=scan.highest_generation)
        state = replace(state, primary_at=self._parts.clock())
        self._parts.active.save(state)
        winners = self._parts.candidates.winners(config, state, scan, primary=True) if config.ranked else []
        step = primary_step(self._view(config, state, winners))
        if step is PrimaryStep.CATCH_UP and self._parts.replacement.space.is_too_large(winners[0].checkpoint):
            return True
        if winners:
            self._report(step, config, state, winners[0].checkpoint.origin.region)
        return step is not PrimaryStep.CATCH_UP

    def _view(self, config: GateConfig, state: LineageState, winners: list[Snapshot]) -> PrimaryView:
        if not winners:
            self._outranked_since = None
            return PrimaryView(outranked=False)
        now = self._parts.monotonic()
        if self._outranked_since is None:
            self._outranked_since = now
        other = winners[0].checkpoint.origin.region
        return PrimaryView(
            outranked=True,
            contained=self._parts.active.is_contained(state, winners[0].checkpoint),
            since_swap=None if state.swapped_at is None else self._parts.clock() - state.swapped_at,
            higher_priority=priority(config.region, config.order) < priority(other, config.order),
            outranked_for=now - self._outranked_since,
        )

    def _report(self, step: PrimaryStep, config: GateConfig, state: LineageState, other: str) -> None:
        region = config.region
        if step is PrimaryStep.CATCH_UP:
            message = f"{other} continued from these files, and nothing was written here since"
            self._parts.record("Outranked", message, warning=True)
        elif step is PrimaryStep.CLAIM:
            state = state.raise_generation()
            self._parts.active.save(state)
            message = f"{other} was primary at the same time; {region} has the higher priority and wins"
            self._parts.record("GenerationRaised", f"{message}: generation {state.generation}", warning=True)
        elif step is PrimaryStep.AWAIT_FLAG:
            message = f"{other} is primary too, unless the flag of {region} is delayed"
            self._notice.record("ServedTwice", message, warning=True)
        elif step is PrimaryStep.YIELD:
            message = f"{other} is primary too; what is written here will be set aside"
            self._notice.record("ServedTwice", message, warning=True)
