"""Replaces the active files by a snapshot: stage, upload what is not uploaded yet, swap; and again when the
application changed files during the swap."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from runtime.contracts.gate import GateConfig
from runtime.gate.events import Record
from runtime.gate.lineage.active import ActiveFiles
from runtime.gate.lineage.ancestry import Ancestry, ancestry, is_contained
from runtime.gate.lineage.state import LineageState
from runtime.gate.restore.space import Space
from runtime.gate.restore.staging import Staging
from runtime.gate.restore.swap import Swap, SwapResult
from runtime.gate.restore.swap_state import SwapState
from runtime.gate.snapshot.checkpoint import RESTORED, UPLOADED, Checkpoint, save_checkpoint
from runtime.gate.snapshot.scan import Snapshot
from runtime.gate.storage.durable import FULL
from runtime.gate.storage.errors import StoreError
from runtime.metrics import Metrics

RETRY_SECONDS = 120.0
"""How long a snapshot that the application changed during its swap is restored again."""


class Replacement:
    """Used by one thread."""

    def __init__(
        self,
        *,
        active: ActiveFiles,
        staging: Staging,
        swap: Swap,
        space: Space,
        lock: Callable[[], AbstractContextManager[None]],
        upload: Callable[[GateConfig], object],
        on_swap: Callable[[bool], None],
        record: Record,
        metrics: Metrics,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        """`lock`: the right to write to the volume. `upload`: an upload pass. `on_swap`: called when the
        active files become incomplete (True) and complete (False)."""
        self._active = active
        self._staging = staging
        self._swap = swap
        self.space = space
        self._lock = lock
        self._upload = upload
        self._on_swap = on_swap
        self._record = record
        self._metrics = metrics
        self._clock, self._monotonic = clock, monotonic
        self._retrying_since: float | None = None
        self._started = False

    @property
    def needs_retry(self) -> bool:
        return self._swap.tampered and self._active.records.restored() is not None

    def finish_unfinished(self) -> None:
        """Finish a swap that was interrupted. Raises OSError."""
        if self._started and self._swap.state is SwapState.NONE:
            return
        self._started = True
        with self._lock():
            self._on_swap(self._swap.is_swapping)
            self._finish()

    def retry(self, config: GateConfig) -> bool:
        """Restore the same snapshot once more (`needs_retry`). Returns whether that still has to be done:
        until then nobody may serve. Raises Interrupted and OSError."""
        restored = self._active.records.restored()
        assert restored is not None
        state = self._active.state(config)
        self._retrying_since = self._retrying_since or self._monotonic()
        buckets = tuple(dict.fromkeys([config.region, restored.region, *config.buckets]))
        if self.replace(config, state, Snapshot(checkpoint=restored, buckets=buckets), after=state):
            return self._swap.tampered
        if self._monotonic() - self._retrying_since < RETRY_SECONDS:
            return True
        # Without a base they descend from nothing: no region drops files in favour of these.
        self._active.records.save(replace(state, base=None))
        self._swap.accept_tampered()
        self._retrying_since = None
        self._record("TamperedKept", "no bucket has the snapshot any more: the files stay", warning=True)
        return False

    def stage(self, snapshot: Snapshot, timeout: float | None = None) -> bool:
        """False (and recorded) when no bucket gives the snapshot, or the volume has no space for it."""
        checkpoint = snapshot.checkpoint
        staged = self._staging.staged.current()
        if self.space.is_too_large(checkpoint) and (staged is None or staged.ref != checkpoint.ref):
            return False
        try:
            with self._lock():
                complete = self._staging.stage(snapshot, timeout)
        except OSError as error:
            if error.errno not in FULL:
                raise
            self.space.report(
                f"{_named(checkpoint)} does not fit beside the active files: {error}", checkpoint
            )
            return False
        if complete:
            self.space.clear(for_snapshot=True)
        return complete

    def replace(
        self,
        config: GateConfig,
        state: LineageState,
        snapshot: Snapshot,
        after: LineageState | None = None,
        timeout: float | None = None,
    ) -> bool:
        """Make the snapshot active; False (and recorded) when no bucket gives it, or the volume has no space
        for it.

        Changes that are not uploaded yet are uploaded first, if possible; files that the snapshot does not
        contain are set aside in any case. `after`: the new state; by default that of a region that follows.
        `timeout`: in seconds, of each operation on a bucket.
        """
        checkpoint = snapshot.checkpoint
        if self._swap.state is not SwapState.NONE or not self.stage(snapshot, timeout):
            return False
        if self._active.changed(state) and not self._swap.tampered:
            try:
                self._upload(config)
            except (StoreError, OSError) as error:
                message = f"files could not be uploaded before they are set aside on the volume: {error}"
                self._record("CopyBeforeSwapFailed", message, warning=True)
            state = self._active.state(config)
        after = after or state.restored_from(checkpoint, ranked=config.ranked, now=self._clock())
        with self._lock():
            return self._activate(state, checkpoint, after)

    def _activate(self, state: LineageState, checkpoint: Checkpoint, after: LineageState) -> bool:
        records = self._active.records
        uploaded = records.uploaded()
        unchanged = not self._swap.tampered and not self._active.volume.differs_from(checkpoint)
        if unchanged and is_contained(uploaded, checkpoint):
            save_checkpoint(records.folder / RESTORED, checkpoint)
            records.save(replace(after, swapped_at=state.swapped_at))
            (records.folder / UPLOADED).unlink(missing_ok=True)
            self._record("MemoryIsTheSame", f"nothing to swap: the files are {_named(checkpoint)}")
            return True
        if after.base == checkpoint.ref and after.raised:
            # An operator's restore: all files that the snapshot does not name are set aside.
            relation = Ancestry(known=None, diverged=uploaded)
        else:
            relation = ancestry(
                state,
                checkpoint,
                restored=records.restored(),
                uploaded=uploaded,
                lookup=self._active.scanner.resolve,
            )
        try:
            self._swap.prepare(checkpoint, before=state, after=after, ancestry=relation)
        except OSError as error:
            if error.errno not in FULL or self._swap.state is not SwapState.NONE:
                raise
            self.space.report(f"there is no space for the swap to {_named(checkpoint)}: {error}", checkpoint)
            return False
        self._on_swap(True)
        self._finish()
        return True

    def _finish(self) -> None:
        """Raises OSError while the active files are incomplete."""
        self._swap.activate()
        self._on_swap(False)
        try:
            self._report(self._swap.finish())
            self.space.clear(for_snapshot=False)
        except OSError as error:
            if error.errno not in FULL:
                raise
            self.space.report(f"there is no space to set diverged files aside, which are in .gate: {error}")

    def _report(self, result: SwapResult | None) -> None:
        if result is None:
            return
        self._metrics.add("agency_swaps_total", 1, "Times that a snapshot replaced the active files.")
        restored = self._active.records.restored()
        files = _named(restored) if restored else "another snapshot"
        self._record("MemorySwapped", f"the active files are {files}")
        for name in result.aside:
            self._metrics.add("agency_diverged_total", 1, "Folders of diverged files below diverged/.")
            message = f"diverged files are in diverged/{name}, on the volume and in the bucket"
            self._record("Diverged", message, warning=True)
        if result.tampered:
            message = "the application wrote during the swap: the snapshot is restored once more"
            self._record("MemoryTampered", message, warning=True)


def _named(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.region}'s checkpoint {checkpoint.id}"
