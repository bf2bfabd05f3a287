"""Restore requests: an operator writes one into the gate's own bucket (`python -m ops restore`)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from runtime.gate.storage.bucket import Store, StoreError
from runtime.gate.storage.keys import REQUESTS, CheckpointId

RESTORE = f"{REQUESTS}/restore.json"


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
    if RESTORE not in store.list(REQUESTS):
        return None
    try:
        content = json.loads(store.read(RESTORE))
        id = str(int(content["order"]))
        checkpoint = CheckpointId.parse(content["checkpoint"])
        return RestoreRequest(id=id, region=str(content["region"]), checkpoint=checkpoint)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{RESTORE} is not a restore request: {error!r}") from error
