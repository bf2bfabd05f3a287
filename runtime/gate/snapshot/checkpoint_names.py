"""Which checkpoints a writer has in a bucket, as a reader learns it: from the index, and now and then from a
listing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from runtime.gate.snapshot.checkpoint_index import CheckpointIndex, read_index
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.keys import (
    ANNOUNCEMENT,
    CHECKPOINTS,
    CheckpointId,
    CheckpointName,
    SortedNames,
    sort_names,
)
from runtime.gate.storage.stores import Stores

LIST_SECONDS = 900.0
"""Between two listings of a prefix in its writer's own bucket: a gate of the previous version writes
checkpoints without the index. Replicas are not listed: they may have every checkpoint ever made."""

_FIRST = CheckpointId(generation=0, at=0)


@dataclass(frozen=True, kw_only=True)
class KnownNames:
    """A writer's checkpoints in a bucket."""

    index: CheckpointIndex
    trusted: bool
    """Whether the index has what the listing showed."""
    listed_at: float | None
    ignored: frozenset[CheckpointId] = frozenset()
    """What the last listing showed beside them that no gate wrote (`keys.sort_names`)."""


class CheckpointNames:
    def __init__(self, monotonic: Callable[[], float], known: Callable[[], int]) -> None:
        """`known`: a generation that exists."""
        self._monotonic = monotonic
        self._generation = known
        self._known: dict[tuple[str, str], KnownNames] = {}
        """By bucket and writer."""

    def current(self, store: Store, bucket: str, writer: str, *, listing: bool) -> KnownNames:
        """Raises StoreError."""
        known = self._known.get((bucket, writer))
        index = read_index(store)
        if index is not None and not index.is_credible(store.now(), self._generation()):
            index = None
        if index is None or (
            self._is_due(known, listing) if bucket == writer else self._is_stale(index, writer)
        ):
            known = self._list(store, index, own=bucket == writer)
        else:
            known = known or KnownNames(index=index, trusted=True, listed_at=None)
            known = replace(known, index=index, trusted=True)
        self._known[bucket, writer] = known
        return known

    def of(self, store: Store, writer: str, id: CheckpointId) -> CheckpointName:
        """Raises StoreError."""
        for (_, other), known in self._known.items():
            if other == writer and id in known.index.names:
                return known.index.names[id]
        return self._listing(store).good.get(id, CheckpointName(id=id))

    def listed(self, stores: Stores, writer: str) -> Iterator[tuple[str, list[CheckpointId]]]:
        """All checkpoints in each bucket in which the writer's were looked for: first those that are known,
        then what a listing shows. Buckets that cannot be listed are left out."""
        known = [(bucket, each) for (bucket, other), each in self._known.items() if other == writer]
        for bucket, each in known:
            yield bucket, list(each.index.names)
        for bucket, _ in known:
            with suppress(StoreError):
                yield bucket, list(self._listing(stores(bucket, writer)).good)

    def _listing(self, store: Store) -> SortedNames:
        return sort_names(store.listing(CHECKPOINTS), self._generation())

    def _is_stale(self, index: CheckpointIndex, writer: str) -> bool:
        """Whether a replica of the index lacks, or names, what a listing of the writer's own bucket showed
        otherwise."""
        known = self._known.get((writer, writer))
        if known is None or known.trusted:
            return False
        newest = max(known.index.names, default=_FIRST)
        return newest > max(index.names, default=_FIRST) or not known.ignored.isdisjoint(index.names)

    def _is_due(self, known: KnownNames | None, listing: bool) -> bool:
        if listing or known is None or known.listed_at is None or not known.trusted:
            return True
        return self._monotonic() - known.listed_at >= LIST_SECONDS

    def _list(self, store: Store, index: CheckpointIndex | None, *, own: bool) -> KnownNames:
        """In a replica, checkpoints that the index does not name count when they are newer than all that it
        names; the others are deleted in their writer's bucket. `own`: it is the writer's."""
        try:
            listing = store.listing(CHECKPOINTS)
        except StoreError:
            if index is None:
                raise
            return KnownNames(index=index, trusted=False, listed_at=None)
        names, serving = sort_names(listing, self._generation()), ANNOUNCEMENT in listing
        now, ignored = self._monotonic(), frozenset(names.ignored)
        listed = CheckpointIndex(names=names.good, serving=serving)
        if index is None or not ignored.isdisjoint(index.names):
            return KnownNames(index=listed, trusted=False, listed_at=now, ignored=ignored)
        newest = max(index.names, default=_FIRST)
        newer = {id: name for id, name in names.good.items() if id > newest}
        trusted = not newer and index.serving == serving
        if own:
            trusted = trusted and index.names.keys() <= names.good.keys()
            return KnownNames(index=listed, trusted=trusted, listed_at=now, ignored=ignored)
        merged = CheckpointIndex(names={**index.names, **newer}, serving=serving)
        return KnownNames(index=merged, trusted=trusted, listed_at=now, ignored=ignored)
