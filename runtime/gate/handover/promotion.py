"""Promotion: a region catches up with the former primary before it lets clients in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from runtime.contracts.gate import GateConfig
from runtime.gate.events import Notice
from runtime.gate.handover.candidates import FLAGGED_SECONDS
from runtime.gate.handover.parts import Parts
from runtime.gate.handover.phases import (
    HANDOVER_SECONDS,
    RESUME_SECONDS,
    CatchUpStep,
    CatchUpView,
    catch_up_step,
)
from runtime.gate.lineage.ranking import priority
from runtime.gate.lineage.state import LineageState
from runtime.gate.snapshot.scan import BucketScan, Snapshot
from runtime.gate.storage.errors import StoreError

RETRY_SECONDS = 2.0
"""Between two scans."""
REASON = "catching up with the region that was primary"


@dataclass
class CatchUp:
    """What is remembered of one promotion."""

    since: float
    next_scan: float = 0.0
    unreadable: set[str] = field(default_factory=set)
    """Flagged regions whose buckets could not be read: they are tried once."""
    bucket_read: bool = False


class Promotion:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._notice = Notice(parts.record)
        self._catch_up: CatchUp | None = None

    def cancel(self) -> None:
        self._catch_up = None

    def round(self, config: GateConfig, flags: Collection[str]) -> bool:
        """Whether the region is primary now. Raises Interrupted and OSError; errors of S3 are recorded."""
        now = self._parts.monotonic()
        if self._catch_up is None:
            self._catch_up = CatchUp(since=now)
            message = f"{config.region} is promoted: it searches the newest snapshot first"
            self._parts.record("CatchingUp", message)
        if now < self._catch_up.next_scan:
            return False
        self._catch_up.next_scan = now + RETRY_SECONDS
        self._parts.status.publish(ready=False, reason=REASON, catching_up=True)
        state = self._state(config)
        if state is not None and _owned(config, state):
            return self._act(CatchUpStep.KEEP, config, state, BucketScan())
        scan = self._parts.candidates.scan_for_promotion(config, flags, self._catch_up.unreadable)
        self._catch_up.unreadable |= set(scan.errors) & set(flags)
        self._catch_up.bucket_read |= any(region in scan.listed for region in config.follows)
        self._report_handover(flags, scan)
        winners: list[Snapshot] = []
        if state is not None and not _claims(config, state):
            winners = self._parts.candidates.winners(config, state, scan, primary=True)
        view = self._view(config, flags, state, scan, winners)
        step = catch_up_step(view)
        if step is CatchUpStep.RESTORE and state is not None:
            if self._restore(config, flags, state, winners):
                self._catch_up.next_scan = now  # There may be a newer snapshot by now.
                return False
            too_large = self._is_too_large(flags, winners)
            pending = view.handover_pending or too_large
            view = replace(view, waited=self._waited(), winner=False, handover_pending=pending)
            step = catch_up_step(view)
        return self._act(step, config, state, scan)

    def _state(self, config: GateConfig) -> LineageState | None:
        try:
            return self._parts.active.state(config)
        except StoreError as error:
            message = f"the lineage of the active files is unknown: {error}"
            self._notice.record("StateUnknown", message, warning=True, kind=error.kind)
            return None

    def _view(
        self,
        config: GateConfig,
        flags: Collection[str],
        state: LineageState | None,
        scan: BucketScan,
        winners: list[Snapshot],
    ) -> CatchUpView:
        assert self._catch_up is not None
        others = [region for region in config.follows if region not in flags and region in config.buckets]
        return CatchUpView(
            waited=self._waited(),
            state_known=state is not None,
            owned=state is not None and bool(winners) and self._is_still_primary(config, state, winners[0]),
            handover_pending=bool(scan.primaries.difference(flags)),
            winner=bool(winners),
            bucket_read=self._catch_up.bucket_read or not others,
        )

    def _is_still_primary(self, config: GateConfig, state: LineageState, winner: Snapshot) -> bool:
        """Whether only the gate has started again: no flag has demoted the region since it was primary just
        now, and a region of lower priority took over, which may not reach it. Clients may be in either; then
        the files of the region of higher priority win, as they do while its gate runs (`primary_step`)."""
        if not (config.ranked and state.serving) or state.primary_at is None:
            return False
        other = winner.checkpoint.origin.region
        return (
            0 <= self._parts.clock() - state.primary_at < RESUME_SECONDS
            and priority(config.region, config.order) < priority(other, config.order)
            and not self._parts.active.is_contained(state, winner.checkpoint)
        )

    def _is_too_large(self, flags: Collection[str], winners: list[Snapshot]) -> bool:
        space = self._parts.replacement.space
        return any(
            space.is_too_large(each.checkpoint) and each.checkpoint.origin.region not in flags
            for each in winners
        )

    def _restore(
        self, config: GateConfig, flags: Collection[str], state: LineageState, winners: list[Snapshot]
    ) -> bool:
        for snapshot in winners:
            # A flagged region may stop answering in the middle; then the next best snapshot is restored.
            timeout = FLAGGED_SECONDS if set(snapshot.buckets) & set(flags) else None
            if self._parts.replacement.replace(config, state, snapshot, timeout=timeout):
                return True
        return False

    def _report_handover(self, flags: Collection[str], scan: BucketScan) -> None:
        pending = ", ".join(sorted(scan.primaries.difference(flags)))
        if pending and self._waited() < HANDOVER_SECONDS:
            self._notice.record("HandoverAwaited", f"{pending} has not made its last upload yet")
        elif pending:
            message = f"{pending} has not made its last upload in {HANDOVER_SECONDS:.0f} s"
            self._notice.record("HandoverMissed", f"{message}: no longer waited for", warning=True)

    def _waited(self) -> float:
        assert self._catch_up is not None
        return self._parts.monotonic() - self._catch_up.since

    def _act(
        self, step: CatchUpStep, config: GateConfig, state: LineageState | None, scan: BucketScan
    ) -> bool:
        """Whether the region is primary now."""
        if step is CatchUpStep.AWAIT_HANDOVER:
            return False
        if step is CatchUpStep.AWAIT_BUCKETS:
            errors = ", ".join(f"{region}: {error}" for region, error in scan.errors.items())
            message = f"no other region's bucket can be read ({errors})"
            kinds = ", ".join(f"{region}: {error.kind}" for region, error in sorted(scan.errors.items()))
            self._notice.record("CatchUpWaits", message, warning=True, kind=kinds)
            return False
        if step is CatchUpStep.GIVE_UP:
            message = f"no other region's bucket could be read for {self._waited():.0f} s"
            self._parts.record(
                "CatchUpGaveUp", f"{message}: {config.region} serves what it has", warning=True
            )
        self._become_primary(config, state)
        return True

    def _become_primary(self, config: GateConfig, state: LineageState | None) -> None:
        if state is not None:
            state = self._parts.active.state(config)
            if _claims(config, state):
                state = state.raise_generation()
            state = state.as_primary(ranked=config.ranked)
            self._parts.active.save(replace(state, primary_at=self._parts.clock()))
        self._catch_up = None
        self._notice.reset()
        space = self._parts.replacement.space.problem
        message = f"{config.region} has the newest snapshot that can be reached"
        if space is not None:
            message = (
                f"{config.region} serves the files that it has, and newer ones may be set aside: {space}"
            )
        self._parts.record("CaughtUp", message, warning=space is not None)
        self._parts.status.publish()


def _owned(config: GateConfig, state: LineageState) -> bool:
    """Whether these files are the company's, whatever others hold: this region was primary alone."""
    return not config.ranked and state.serving and state.raised


def _claims(config: GateConfig, state: LineageState) -> bool:
    """Whether the policy was changed to one that ranks while this region was primary: its files win."""
    return config.ranked and not state.ranked and state.serving and state.raised
