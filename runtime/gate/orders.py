"""What an operator orders, by a file in the gate's own bucket: `python -m ops restore`."""

from __future__ import annotations

import json
from dataclasses import dataclass

from runtime.gate.checkpoint import ORDERS, CheckpointId
from runtime.gate.store import Store, StoreError

RESTORE = f"{ORDERS}/restore.json"


@dataclass(frozen=True, kw_only=True)
class RestoreOrder:
    """Make this checkpoint the memory, and let it win over all others."""

    order: str
    """Its time in ms: orders are carried out once, and never an older one after a newer."""
    region: str
    """That wrote the checkpoint."""
    checkpoint: CheckpointId

    def is_new(self, last: str | None) -> bool:
        return last is None or int(self.order) > int(last)


def read_order(store: Store) -> RestoreOrder | None:
    """The latest order; None without one. Raises StoreError, also for a file that is no order."""
    if RESTORE not in store.list(ORDERS):
        return None
    try:
        told = json.loads(store.read(RESTORE))
        order = str(int(told["order"]))
        checkpoint = CheckpointId.parse(told["checkpoint"])
        return RestoreOrder(order=order, region=str(told["region"]), checkpoint=checkpoint)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{RESTORE} is no order to restore: {error!r}") from error
