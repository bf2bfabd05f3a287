"""Which checkpoints a writer has in a bucket, as a reader learns it: from the index, and now and then from a
listing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from runtime.gate.snapshot.checkpoint_index import CheckpointIndex, read_index
from runtime.gate.storage.bucket import Store, StoreError, Stores
from runtime.gate.storage.keys import CHECKPOINTS, CheckpointId, CheckpointName

LIST_SECONDS = 900.0
"""Between two listings of a prefix in its writer's own bucket: a gate of the previous version writes
checkpoints without the index. Replicas are not listed: they may have every checkpoint ever made."""

_FIRST = CheckpointId(generation=0, at=0)


@dataclass(frozen=True, kw_only=True)
class _Known:
    index: CheckpointIndex
    trusted: bool
    """Whether the index has what the listing showed."""
    listed_at: float | None


class CheckpointNames:
    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._known: dict[tuple[str, str], _Known] = {}
        """By bucket and writer."""

    def current(self, store: Store, bucket: str, writer: str, *, listing: bool) -> CheckpointIndex:
        """Raises StoreError."""
        known = self._known.get((bucket, writer))
        index = read_index(store)
        if index is None or (
            self._is_due(known, listing) if bucket == writer else self._is_stale(index, writer)
        ):
            known = self._list(store, index)
        else:
            known = _Known(index=index, trusted=True, listed_at=known.listed_at if known else None)
        self._known[bucket, writer] = known
        return known.index

    def of(self, store: Store, bucket: str, writer: str, id: CheckpointId) -> CheckpointName:
        """Raises StoreError."""
        for (_, other), known in self._known.items():
            if other == writer and id in known.index.names:
                return known.index.names[id]
        return CheckpointIndex.of(store.list(CHECKPOINTS)).names.get(id, CheckpointName(id=id))

    def listed(self, stores: Stores, writer: str) -> Iterator[tuple[str, list[CheckpointId]]]:
        """All checkpoints in each bucket in which the writer's were looked for: first those that are known,
        then what a listing shows. Buckets that cannot be listed are left out."""
        known = [(bucket, each) for (bucket, other), each in self._known.items() if other == writer]
        for bucket, each in known:
            yield bucket, list(each.index.names)
        for bucket, _ in known:
            with suppress(StoreError):
                yield bucket, list(CheckpointIndex.of(stores(bucket, writer).list(CHECKPOINTS)).names)

    def _is_stale(self, index: CheckpointIndex, writer: str) -> bool:
        """Whether a replica of the index lacks what was found by listing the writer's own bucket."""
        known = self._known.get((writer, writer))
        if known is None or known.trusted:
            return False
        return max(known.index.names, default=_FIRST) > max(index.names, default=_FIRST)

    def _is_due(self, known: _Known | None, listing: bool) -> bool:
        if listing or known is None or known.listed_at is None or not known.trusted:
            return True
        return self._monotonic() - known.listed_at >= LIST_SECONDS

    def _list(self, store: Store, index: CheckpointIndex | None) -> _Known:
        """Checkpoints that the index does not name count when they are newer than all that it names; the
        others are deleted in their writer's bucket."""
        try:
            listed = CheckpointIndex.of(store.list(CHECKPOINTS))
        except StoreError:
            if index is None:
                raise
            return _Known(index=index, trusted=False, listed_at=None)
        if index is None:
            return _Known(index=listed, trusted=False, listed_at=self._monotonic())
        newest = max(index.names, default=None)
        newer = {id: name for id, name in listed.names.items() if newest is None or id > newest}
        merged = CheckpointIndex(names={**index.names, **newer}, serving=listed.serving)
        trusted = not newer and index.serving == listed.serving
        return _Known(index=merged, trusted=trusted, listed_at=self._monotonic())
