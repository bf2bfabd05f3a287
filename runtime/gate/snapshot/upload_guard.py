"""Whether what a pass found on the volume may become a checkpoint (`loss_guard.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from runtime.gate.snapshot import loss_guard
from runtime.gate.snapshot.bucket_index import BucketIndex
from runtime.gate.snapshot.checkpoint import (
    RESTORED,
    UPLOADED,
    Checkpoint,
    CheckpointRef,
    StoredFile,
    load_checkpoint,
)
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.files import read_below
from runtime.gate.storage.keys import REQUESTS
from runtime.logs import log

LARGEST_MANIFEST = 256 << 20
"""Bytes that the loss guard reads of a table's newest manifest."""


class UploadGuard:
    def __init__(self, volume: Volume) -> None:
        self._volume = volume

    def refuses(
        self,
        store: Store,
        index: BucketIndex,
        base: CheckpointRef | None,
        files: Mapping[str, StoredFile],
    ) -> str | None:
        """Why these files, which were restored from `base`, must not become a checkpoint. Raises
        StoreError."""
        newest = index.newest
        if newest is not None and files is newest.files and newest.base == base:
            return None
        before = newest and self._before(newest, base)
        reason = loss_guard.loss(before, files, self._read, partial(_read_uploaded, store, index))
        if reason is None or newest is None:
            return reason
        requested = loss_guard.ACCEPT_SHRINK in store.list(REQUESTS)
        if requested and loss_guard.accepts(store.read(loss_guard.ACCEPT_SHRINK), newest):
            log("loss-accepted", level="warning", reason=reason, checkpoint=str(newest.id))
            return None
        return f"{reason}. Nothing is deleted and no checkpoint is written; the newest is {newest.id}"

    def _before(self, newest: Checkpoint, base: CheckpointRef | None) -> Checkpoint | None:
        """With what the files are compared: if nothing was uploaded since they were restored, with that."""
        folder = self._volume.gate_folder
        if newest.base != base:
            return load_checkpoint(folder / RESTORED)
        if base is None or (folder / UPLOADED).exists():
            return newest
        return load_checkpoint(folder / RESTORED) or newest  # Restored again from the same checkpoint.

    def _read(self, path: str) -> bytes:
        """A manifest."""
        return read_below(self._volume.root, path, limit=LARGEST_MANIFEST)


def _read_uploaded(store: Store, index: BucketIndex, file: StoredFile) -> bytes | None:
    """None when only another region's prefix has it: the files were restored from there."""
    if index.stored.get(file.key) != file.size:
        return None
    return store.read(file.key) if file.size <= LARGEST_MANIFEST else None
