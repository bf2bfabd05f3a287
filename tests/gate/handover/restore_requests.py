"""An operator's restore request, and a company that gets it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.checkpoint_names import checkpoint_ids
from tests.gate.handover.buckets import Buckets
from tests.gate.handover.flows import ORDER, both
from tests.gate.handover.gates import Gate
from tests.gate.handover.memories import EU


def standby_with_three_memories(us: Gate, folder: Path, buckets: Buckets) -> Gate:
    eu = Gate(EU, folder / EU, buckets, us.time, ORDER)
    us.round()
    for row in ("one", "two", "three"):
        us.write(row)
        both(us, eu, buckets)
    return eu


def ids(buckets: Buckets, region: str, component: str = "brain") -> list[str]:
    keys = (key.removeprefix(f"{region}/acme/{component}/") for key in buckets.objects[region])
    return sorted(str(id) for id in checkpoint_ids(keys))


def request_restore(
    buckets: Buckets, region: str, number: int, checkpoint: str, component: str = "brain"
) -> None:
    request = {"order": str(number), "region": region, "checkpoint": checkpoint}
    key = f"{region}/acme/{component}/_orders/restore.json"
    buckets.write(region, key, json.dumps(request).encode())
