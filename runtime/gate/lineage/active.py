"""The active files of a volume with their lineage: what changed since the last upload, and its generation."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runtime.contracts.gate import GateConfig
from runtime.gate.events import Record
from runtime.gate.lineage.ancestry import descends
from runtime.gate.lineage.state import LineageState, StateFiles
from runtime.gate.snapshot.checkpoint import RESTORED, Checkpoint, save_checkpoint
from runtime.gate.snapshot.scan import Scanner
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.durable import FULL


@dataclass(frozen=True, kw_only=True)
class ActiveFiles:
    """Used by one thread."""

    volume: Volume
    records: StateFiles
    scanner: Scanner
    record: Record

    def state(self, config: GateConfig) -> LineageState:
        """Raises StoreError while only the bucket could tell, OSError, and ValueError for a damaged file."""
        return self.records.load() or self._adopt(config)

    def save(self, state: LineageState) -> None:
        saved = self.records.load()
        if state == saved:
            return
        try:
            self.records.save(state)
        except OSError as error:
            # On a full volume, the time alone is not worth a failure.
            same = saved is not None and state == replace(saved, primary_at=state.primary_at)
            if error.errno not in FULL or not same:
                raise

    def changed(self, state: LineageState, *, but_locks: bool = False) -> bool:
        """Whether the application wrote something that no checkpoint of these files contains. `but_locks`: as
        for `Volume.differs_from`."""
        uploaded = self.records.uploaded() if state.raised else None
        return self.volume.differs_from(uploaded or self.records.restored(), but_locks=but_locks)

    def is_contained(self, state: LineageState, snapshot: Checkpoint) -> bool:
        """Whether the snapshot contains all active files."""
        if self.changed(state):
            return False
        here = state.base
        if state.raised:
            uploaded = self.records.uploaded()
            here = None if uploaded is None else uploaded.ref
        if here is None:
            return not state.raised and self.volume.is_empty()
        return descends(snapshot, here, self.scanner.resolve)

    def raise_for_changes(self, config: GateConfig, state: LineageState) -> LineageState:
        """What the primary writes gets a generation of its own, before the first upload."""
        if state.raised or not self.changed(state):
            return state
        base = state.base
        if config.follows or (base is not None and base.checkpoint.generation == state.generation):
            state = state.raise_generation()
            message = f"what {config.region} writes from now on has generation {state.generation}"
            self.record("GenerationRaised", message)
        else:
            state = replace(state, raised=True, served=True)
        self.records.save(state)
        return state

    def _adopt(self, config: GateConfig) -> LineageState:
        """The state of a volume without one: restored from the own bucket's newest checkpoint."""
        own = config.region
        scan = self.scanner.scan([(own, own)], own=own)
        if own in scan.errors:
            raise scan.errors[own]
        highest = scan.highest_generation
        state = LineageState(generation=highest, seen=highest, announced=True, ranked=config.ranked)
        snapshot = scan.snapshots.get(own)
        state = state.after_request(snapshot.checkpoint if snapshot else None)
        if snapshot is not None and not self.volume.is_empty():
            save_checkpoint(self.records.folder / RESTORED, snapshot.checkpoint)
            state = replace(state, base=snapshot.checkpoint.ref)
        self.records.save(state)
        return state
