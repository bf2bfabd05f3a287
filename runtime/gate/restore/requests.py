"""Restore requests: an operator writes one into the gate's own bucket (`python -m ops restore`)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runtime import documents
from runtime.gate.snapshot.checkpoint import CheckpointRef
from runtime.gate.storage.bucket import Store, StoreError
from runtime.gate.storage.keys import REQUESTS, CheckpointId

RESTORE = f"{REQUESTS}/restore.json"
LARGEST = 64 << 10
_TIME = re.compile(r"[0-9]{1,13}")


@dataclass(frozen=True, kw_only=True)
class RestoreRequest:
    """Make this snapshot active, and let it win over all others."""

    id: str
    """Its time in ms: each request is carried out once, and never an older one after a newer."""
    region: str
    """That wrote the checkpoint."""
    checkpoint: CheckpointId

    def is_new(self, last: str | None) -> bool:
        return last is None or int(self.id) > int(last)


def read_request(store: Store) -> RestoreRequest | None:
    """The latest request, if any. Raises StoreError, also for a malformed one."""
    found = store.find(RESTORE)
    if found is None:
        return None
    try:
        content = documents.parse(found, RESTORE, limit=LARGEST)
        ref = CheckpointRef.parse(content)
        return RestoreRequest(
            id=content.text("order", pattern=_TIME), region=ref.region, checkpoint=ref.checkpoint
        )
    except ValueError as error:
        raise StoreError(f"not a restore request: {error}") from error
