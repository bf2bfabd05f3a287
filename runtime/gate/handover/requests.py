"""Carries out an operator's restore request, once."""

from __future__ import annotations

from collections.abc import Iterator

from runtime.contracts.gate import GateConfig
from runtime.gate.events import Notice
from runtime.gate.handover.candidates import PEER_SECONDS
from runtime.gate.handover.parts import Parts
from runtime.gate.restore.requests import RestoreRequest, read_request
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.snapshot.checkpoint_changes import read_checkpoint
from runtime.gate.snapshot.scan import Snapshot
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.keys import CHECKPOINTS, sort_names


class Requests:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._refused = Notice(parts.record)

    def carry_out(self, config: GateConfig) -> bool:
        """Whether a request was carried out. Raises StoreError when its snapshot is not available: it is
        tried again then."""
        store = self._parts.stores(config.region, config.region)
        request = read_request(store)
        if request is None:
            return False
        state = self._parts.active.state(config)
        if not request.is_new(state.last_order, store.now()):
            return False
        if request.is_ahead(store):
            message = f"restore request {request.id} is refused: it was made after S3 received it"
            self._refused.record("RequestRefused", message, warning=True)
            return False
        snapshot = self._snapshot(config, request, state.highest)
        after = state.restored_by_request(
            snapshot.checkpoint, request.id, ranked=config.ranked, now=self._parts.clock()
        )
        if not self._parts.replacement.replace(config, state, snapshot, after):
            raise StoreError(f"{_named(request)} could not be made active; the events say why")
        message = f"{_named(request)} is restored, with generation {after.generation}"
        self._parts.record("Restored", message)
        return True

    def _snapshot(self, config: GateConfig, request: RestoreRequest, generation: int) -> Snapshot:
        """With every bucket that has all of it by size; the hashes are verified when it is downloaded."""
        problems = list[str]()
        found = dict[str, Checkpoint]()
        for bucket in self._buckets(config, request):
            timeout = None if bucket == config.region else PEER_SECONDS
            try:
                checkpoint = self._read(bucket, request, generation, timeout)
                missing = self._parts.active.scanner.missing(bucket, checkpoint, timeout)
            except (StoreError, ValueError) as error:
                problems.append(str(error))
                continue
            if missing:
                problems.append(
                    f"the bucket of {bucket} lacks {len(missing)} of its objects, as {missing[0]}"
                )
            else:
                found[bucket] = checkpoint
        if not found:
            name = f"{_named(request)}, requested by {request.id},"
            raise StoreError(f"{name} is complete in no bucket: {'; '.join(problems)}")
        first = next(iter(found.values()))
        return Snapshot(
            checkpoint=first, buckets=tuple(bucket for bucket, each in found.items() if each == first)
        )

    def _buckets(self, config: GateConfig, request: RestoreRequest) -> Iterator[str]:
        """Those of these regions, the best first."""
        regions = dict.fromkeys([config.region, request.region, *config.buckets])
        return (region for region in regions if region in config.buckets)

    def _read(
        self, bucket: str, request: RestoreRequest, generation: int, timeout: float | None
    ) -> Checkpoint:
        """As it is now: what an earlier scan read may have been repaired since. `generation`: one that
        exists."""
        store = self._parts.stores(bucket, request.region, timeout)
        names = sort_names(store.listing(CHECKPOINTS), generation)
        if request.checkpoint in names.ignored:
            raise StoreError(f"{_named(request)} has a time or a generation that cannot be")
        if (name := names.good.get(request.checkpoint)) is None:
            raise StoreError(f"{_named(request)} is not in the bucket of {bucket}")
        return read_checkpoint(name, store.read)


def _named(request: RestoreRequest) -> str:
    return f"{request.region}'s checkpoint {request.checkpoint}"
