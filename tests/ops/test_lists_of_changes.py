"""Operators' commands read checkpoints in both forms."""

from __future__ import annotations

import pytest

from ops.checkpoints import CheckpointStore, Stored
from ops.memory import BRAIN, Memory
from runtime.gate.snapshot.checkpoint import Checkpoint, StoredFile
from runtime.gate.snapshot.checkpoint_changes import dump_changes
from runtime.gate.storage.keys import CheckpointId, CheckpointName
from tests.components.stacks import US
from tests.s3 import S3Service

pytestmark = pytest.mark.services

FIRST, SECOND = (
    CheckpointId(generation=1, at=1_700_000_000_000),
    CheckpointId(generation=1, at=1_700_000_060_000),
)


def file(number: int) -> StoredFile:
    return StoredFile(key=f"data/acme/{number}", size=1, sha256=f"{number:064x}")


def test_a_list_of_changes_is_listed_read_and_inspected_like_any_checkpoint(s3: S3Service) -> None:
    whole = Checkpoint(region=US, id=FIRST, base=None, files={"acme/1": file(1), "acme/2": file(2)})
    later = Checkpoint(region=US, id=SECOND, base=None, files={"acme/1": file(1), "acme/3": file(3)})
    changes = dump_changes(later, FIRST, {"acme/2", "acme/3"})
    memory = Memory(
        company="acme",
        namespace="acme",
        component=BRAIN,
        region=US,
        reason="",
        bucket=s3.buckets[US],
        writers=(US,),
    )
    for key, content in {
        CheckpointName(id=FIRST).key: whole.dump(),
        CheckpointName(id=SECOND, since=FIRST).key: changes,
        "_checkpoints/index.json": "{}",
        "data/acme/1": "1",
        "data/acme/3": "3",
    }.items():
        s3.client().put_object(Bucket=memory.bucket, Key=f"{memory.prefix}/{key}", Body=content.encode())
    store = CheckpointStore(s3.client(), memory)

    assert store.own_ids() == {FIRST, SECOND} and store.newest_checkpoint() == later
    states = {each.stored.id: each for each in store.list().inspect_all(store.list().stored())}
    assert states[SECOND].complete and states[SECOND].checkpoint == later
    assert states[FIRST].missing == ("data/acme/2",)
    assert store.read(Stored(writer=US, id=FIRST)) == whole
