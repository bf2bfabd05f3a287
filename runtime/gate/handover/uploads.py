"""Upload passes of a region, and what its bucket announces to the region that is promoted next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from runtime.contracts.gate import GateConfig
from runtime.gate.events import Condition, Record
from runtime.gate.lineage.active import ActiveFiles
from runtime.gate.lineage.divergence import upload_diverged
from runtime.gate.restore.swap import Swap
from runtime.gate.snapshot.checkpoint import UPLOADED, save_checkpoint
from runtime.gate.snapshot.checkpoint_changes import save_uploaded
from runtime.gate.snapshot.checkpoint_index import publish
from runtime.gate.snapshot.upload import UploadPass, UploadResult
from runtime.gate.storage import durable, reserve
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.keys import ANNOUNCEMENT
from runtime.gate.storage.stores import Stores


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """Used by one thread. Every method raises StoreError."""

    active: ActiveFiles
    swap: Swap
    stores: Stores
    uploaders: Callable[[GateConfig], UploadPass]
    record: Record
    diverged: Condition
    """Whether diverged files can be uploaded."""

    def run(self, config: GateConfig, *, primary: bool, last: bool = False) -> UploadResult | None:
        """An upload pass. `primary`: what is new raises the generation. `last`: the gate ends.

        None while a swap is in progress. Raises what Uploader.run does.
        """
        if self.swap.is_swapping:
            return None
        # First the diverged files: until they are in the bucket, its newest checkpoint stays the diverged
        # one, and a restore of a lost volume sets its files aside. But what could not be sent once must not
        # keep the active files from the bucket.
        if self.diverged.problem is None:
            self.try_diverged(config)
        root = self.active.records.root
        result = reserve.with_reserve(root, lambda: self._run(config, primary=primary, last=last))
        if self.diverged.problem is not None:
            self.try_diverged(config)
        return result

    def _run(self, config: GateConfig, *, primary: bool, last: bool) -> UploadResult:
        state = self.active.state(config)
        if primary:
            state = self.active.raise_for_changes(config, state)
        serves = primary and config.ranked and bool(config.follows)
        result = self.uploaders(config).run(
            generation=state.generation,
            base=state.base,
            request=state.last_order,
            last=last or (state.announced and not serves),
        )
        self._remember(result)
        if not serves and result.guarded is None:
            self._withdraw(config)
        return result

    def _remember(self, result: UploadResult) -> None:
        """On a full volume the older record stays: then a swap sets more aside than necessary."""
        folder = self.active.records.folder
        try:
            if result.checkpoint is not None and result.stored is not None:
                save_uploaded(folder, result.checkpoint, *result.stored)
            elif result.newest is not None and result.guarded is None and not (folder / UPLOADED).exists():
                # A gate that was killed after an upload did not save it.
                save_checkpoint(folder / UPLOADED, result.newest)
        except OSError as error:
            if error.errno not in durable.FULL:
                raise

    def try_diverged(self, config: GateConfig) -> None:
        """What cannot be sent is reported, and tried again in the next pass. Raises Interrupted."""
        failed = []
        for name in self.active.state(config).unsent:
            try:
                files = upload_diverged(self.active.records.root, name, self._own_store(config))
            except (StoreError, OSError, ValueError) as error:
                failed.append(f"diverged/{name}: {error}")
                continue
            state = self.active.state(config)
            self.active.save(replace(state, unsent=tuple(left for left in state.unsent if left != name)))
            self.record("DivergedStored", f"diverged/{name} with {files} files is in the bucket, too")
        if failed:
            self.diverged.report(f"diverged files could not be uploaded: {'; '.join(failed)}")
        else:
            self.diverged.clear("all diverged files are uploaded")

    def announce(self, config: GateConfig) -> None:
        """In the own bucket, that this region is primary: the next primary waits for its last upload."""
        state = self.active.state(config)
        if not state.announced:
            self._own_store(config).put(ANNOUNCEMENT, b"")
            publish(self._own_store(config), known=state.highest, serving=True)
            self.active.save(replace(state, announced=True))

    def _withdraw(self, config: GateConfig) -> None:
        """The announcement: all that this region wrote as primary is uploaded."""
        state = self.active.state(config)
        if state.announced:
            self._own_store(config).delete([ANNOUNCEMENT])
            publish(self._own_store(config), known=state.highest, serving=False)
            self.active.save(replace(state, announced=False))

    def _own_store(self, config: GateConfig) -> Store:
        return self.stores(config.region, config.region)
