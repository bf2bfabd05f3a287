"""Upload passes of a region, and what its bucket announces to the region that is promoted next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from runtime.contracts.gate import GateConfig
from runtime.gate.events import Record
from runtime.gate.lineage.active import ActiveFiles
from runtime.gate.lineage.divergence import upload_diverged
from runtime.gate.restore.swap import Swap
from runtime.gate.snapshot.checkpoint_changes import save_uploaded
from runtime.gate.snapshot.checkpoint_index import publish
from runtime.gate.snapshot.upload import UploadPass, UploadResult
from runtime.gate.storage.bucket import Store, Stores
from runtime.gate.storage.keys import ANNOUNCEMENT


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """Used by one thread. Every method raises StoreError."""

    active: ActiveFiles
    swap: Swap
    stores: Stores
    uploaders: Callable[[GateConfig], UploadPass]
    record: Record

    def run(self, config: GateConfig, *, primary: bool, last: bool = False) -> UploadResult | None:
        """An upload pass. `primary`: what is new raises the generation. `last`: the gate ends.

        None while a swap is in progress. Raises what Uploader.run does.
        """
        if self.swap.is_swapping:
            return None
        # First the diverged files: until they are in the bucket, its newest checkpoint stays the diverged
        # one, and a restore of a lost volume sets its files aside.
        self.run_diverged(config)
        state = self.active.state(config)
        if primary:
            state = self.active.raise_for_changes(config, state)
        serves = primary and config.ranked and bool(config.follows)
        last = last or (state.announced and not serves)
        result = self.uploaders(config).run(generation=state.generation, base=state.base, last=last)
        if result.checkpoint is not None and result.stored is not None:
            save_uploaded(self.active.records.folder, result.checkpoint, *result.stored)
        if not serves and result.guarded is None:
            self._withdraw(config)
        return result

    def run_diverged(self, config: GateConfig) -> None:
        state = self.active.state(config)
        for name in state.unsent:
            files = upload_diverged(self.active.records.root, name, self._own_store(config))
            state = replace(state, unsent=tuple(left for left in state.unsent if left != name))
            self.active.save(state)
            self.record("DivergedStored", f"diverged/{name} with {files} files is in the bucket, too")

    def announce(self, config: GateConfig) -> None:
        """In the own bucket, that this region is primary: the next primary waits for its last upload."""
        state = self.active.state(config)
        if not state.announced:
            self._own_store(config).put(ANNOUNCEMENT, b"")
            publish(self._own_store(config), serving=True)
            self.active.save(replace(state, announced=True))

    def _withdraw(self, config: GateConfig) -> None:
        """The announcement: all that this region wrote as primary is uploaded."""
        state = self.active.state(config)
        if state.announced:
            self._own_store(config).delete([ANNOUNCEMENT])
            publish(self._own_store(config), serving=False)
            self.active.save(replace(state, announced=False))

    def _own_store(self, config: GateConfig) -> Store:
        return self.stores(config.region, config.region)
