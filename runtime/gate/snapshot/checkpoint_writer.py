"""Writes the checkpoints of the own prefix, and the index that names them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

from runtime.gate.snapshot.bucket_index import BucketIndex
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.snapshot.checkpoint_changes import read_checkpoint
from runtime.gate.snapshot.checkpoint_forms import CheckpointForms
from runtime.gate.snapshot.checkpoint_index import publish
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.keys import ANNOUNCEMENT, INDEX, CheckpointId, CheckpointName

Stored = tuple[CheckpointName, bytes]
"""The name and the content of a checkpoint in the bucket."""


class CheckpointWriter:
    """Every method raises StoreError."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now`: S3's time in seconds: a checkpoint with a time after S3's own would be ignored."""
        self._now = now
        self._forms = CheckpointForms(now)
        self._found: tuple[bool, bool] | None = None
        """Whether the last listing had an index and an announcement; None once the index was checked."""
        self.hashes: dict[str, str] = {}
        """SHA-256 of the lists that make up the newest checkpoint, by key, as they were written or read."""

    def listed(self, keys: Collection[str]) -> None:
        """The whole prefix: the index is checked by it later."""
        self._found = INDEX in keys, ANNOUNCEMENT in keys

    def read(self, store: Store, name: CheckpointName) -> Checkpoint:
        """The newest. Raises ValueError for anything but a checkpoint of this name."""
        self.hashes = {}

        def read(key: str) -> bytes:
            content = store.read(key)
            self.hashes[key] = sha256(content).hexdigest()
            return content

        return read_checkpoint(name, read)

    def next_id(self, generation: int, newest: CheckpointId | None) -> CheckpointId:
        at = int(self._now() * 1000)
        return CheckpointId(generation=generation, at=max(at, newest.at + 1) if newest else at)

    def write(self, store: Store, index: BucketIndex, checkpoint: Checkpoint) -> Stored:
        """As the newest, in the form that costs less. Raises CheckpointTooLarge."""
        return self._put(store, index, checkpoint, self._forms.of(checkpoint, index.newest))

    def write_whole(self, store: Store, index: BucketIndex, checkpoint: Checkpoint) -> Stored:
        """As the newest, as a list of all files, which replaces a list of changes of this id. Raises
        CheckpointTooLarge."""
        before = index.names.get(checkpoint.id)
        stored = self._put(store, index, checkpoint, self._forms.whole(checkpoint))
        if before is not None and before != stored[0]:
            with suppress(StoreError):  # The next listing shows it.
                store.delete([before.key])
        return stored

    def write_again(self, store: Store, index: BucketIndex, damaged: Iterable[CheckpointName]) -> Stored:
        """The newest, whose lists in the bucket are damaged, under a new id: no object may be overwritten."""
        newest, names = index.newest, list(damaged)
        assert newest is not None
        for name in names:
            index.names.pop(name.id, None)
        again = replace(newest, id=self.next_id(newest.id.generation, newest.id))
        stored = self.write_whole(store, index, again)
        store.delete([name.key for name in names])
        return stored

    def check(self, store: Store, index: BucketIndex) -> None:
        """After a listing: an index that is missing or wrong is written anew."""
        if self._found is not None:
            exists, serving = self._found
            publish(store, names=index.names, serving=serving, exists=exists)
            self._found = None

    def publish(self, store: Store, index: BucketIndex) -> None:
        """The index, unless `check` does it later."""
        if self._found is None:
            known = index.newest.id.generation if index.newest else 0
            publish(store, known=known, names=index.names)

    def _put(self, store: Store, index: BucketIndex, checkpoint: Checkpoint, stored: Stored) -> Stored:
        name, content = stored
        store.put(name.key, content)
        earlier = {key: hash for key, hash in self.hashes.items() if name.since and key == name.since.key}
        self.hashes = {**earlier, name.key: sha256(content).hexdigest()}
        index.names[name.id] = name
        index.newest = replace(checkpoint, since=name.since)
        self.publish(store, index)
        return stored
