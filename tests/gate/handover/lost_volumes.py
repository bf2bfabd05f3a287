"""A company whose volume is lost, and the init container that fills it again."""

from __future__ import annotations

import shutil
from pathlib import Path

from runtime.gate.restore.startup import restore
from runtime.gate.snapshot.volume import Volume
from tests.gate.handover.buckets import Buckets
from tests.gate.handover.flows import ORDER
from tests.gate.handover.gates import Clock, Gate
from tests.gate.handover.memories import US

PREFIX = f"{US}/acme/brain"


def with_two_memories(folder: Path, buckets: Buckets) -> Gate:
    """They are uploaded and replicated."""
    gate = Gate(US, folder / US, buckets, Clock(), ORDER)
    gate.round()
    for row in ("one", "two"):
        gate.write(row)
        gate.round()
    buckets.replicate()
    return gate


def lose(gate: Gate) -> None:
    shutil.rmtree(gate.root)
    (gate.root / "lost+found").mkdir(parents=True)


def fill(gate: Gate) -> None:
    restore(Volume(gate.root, "brain"), gate.config, gate.stores)
