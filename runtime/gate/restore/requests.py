"""Restore requests: an operator writes one into the gate's own bucket (`python -m ops restore`)."""

from __future__ import annotations

from dataclasses import dataclass

from runtime import documents
from runtime.gate.snapshot.checkpoint import REQUEST, CheckpointRef
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.keys import REQUESTS, CheckpointId, is_ahead

RESTORE = f"{REQUESTS}/restore.json"
BEGIN_EMPTY = f"{REQUESTS}/begin-empty.json"
"""`{"at": "<UTC in ms>"}`: an empty volume may stay empty, though another region's bucket does not answer."""
BEGIN_EMPTY_SECONDS = 24 * 3600.0
"""How long that counts."""
LARGEST = 64 << 10


@dataclass(frozen=True, kw_only=True)
class RestoreRequest:
    """Make this snapshot active, and let it win over all others."""

    id: str
    """Its time in ms: each request is carried out once, and never an older one after a newer."""
    region: str
    """That wrote the checkpoint."""
    checkpoint: CheckpointId

    def is_ahead(self, store: Store) -> bool:
        """Of S3's time of its upload: then no later request would ever count. Raises StoreError."""
        return is_ahead(int(self.id), store.heads([RESTORE])[RESTORE].at)

    def is_new(self, last: str | None, now: float) -> bool:
        """`last`: the request that was carried out last. One from the future, which an older version carried
        out, is forgotten. `now`: S3's time in seconds."""
        return last is None or int(self.id) > int(last) or is_ahead(int(last), int(now * 1000))


def read_request(store: Store) -> RestoreRequest | None:
    """The latest request, if any, by a request for one object. Raises StoreError, also for a malformed
    one."""
    found = store.find(RESTORE)
    if found is None:
        return None
    try:
        content = documents.parse(found, RESTORE, limit=LARGEST)
        ref = CheckpointRef.parse(content)
        id = content.text("order", pattern=REQUEST)
        return RestoreRequest(id=id, region=ref.region, checkpoint=ref.checkpoint)
    except ValueError as error:
        raise StoreError(f"not a restore request: {error}") from error


def may_begin_empty(store: Store, now: float) -> bool:
    """Whether an operator said so during the last day. `now`: seconds since 1970. Raises StoreError."""
    if BEGIN_EMPTY not in store.list(REQUESTS):
        return False
    try:
        content = documents.parse(store.read(BEGIN_EMPTY), BEGIN_EMPTY, limit=LARGEST)
        at = int(content.text("at", pattern=REQUEST)) / 1000
    except ValueError:
        return False
    return abs(now - at) <= BEGIN_EMPTY_SECONDS
