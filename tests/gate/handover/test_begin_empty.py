"""When a company may begin with an empty volume, and when it waits for its files instead."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.gate.lineage.state import StateFiles
from runtime.gate.restore.requests import BEGIN_EMPTY
from runtime.gate.restore.startup import RestoreError
from runtime.gate.storage.keys import INDEX, CheckpointId
from tests.checkpoint_names import checkpoint_ids
from tests.gate.handover.buckets import Buckets
from tests.gate.handover.flows import ORDER
from tests.gate.handover.gates import Clock, Gate
from tests.gate.handover.lost_volumes import PREFIX, fill, lose, with_two_memories
from tests.gate.handover.memories import EU, US, read


@pytest.fixture
def us(tmp_path: Path, buckets: Buckets) -> Gate:
    return with_two_memories(tmp_path, buckets)


def test_a_new_company_starts_empty(tmp_path: Path, buckets: Buckets) -> None:
    gate = Gate(US, tmp_path / US, buckets, Clock(), ORDER)

    assert read(gate.root) == {}


def test_an_empty_volume_waits_for_every_bucket_that_may_have_files(us: Gate, buckets: Buckets) -> None:
    """The own bucket is empty too, and the other one does not answer at the moment."""
    lose(us)
    buckets.objects[US].clear()
    buckets.cut.add((US, EU))

    with pytest.raises(RestoreError, match=f"bucket of {EU} could not be read"):
        fill(us)
    assert read(us.root) == {} and StateFiles(us.root).load() is None
    buckets.cut.clear()
    fill(us)

    assert us.memory == {"one", "two"}


@pytest.mark.parametrize(
    ("age", "counts"), [(3600.0, True), (-60.0, True), (25 * 3600.0, False), (-25 * 3600.0, False)]
)
def test_an_operator_may_say_that_the_company_begins_empty(
    tmp_path: Path, buckets: Buckets, age: float, counts: bool
) -> None:
    buckets.cut.add((US, EU))
    at = str(int((time.time() - age) * 1000))
    buckets.objects[US][f"{PREFIX}/{BEGIN_EMPTY}"] = json.dumps({"at": at}).encode()

    if not counts:
        with pytest.raises(RestoreError):
            Gate(US, tmp_path / US, buckets, Clock(), ORDER)
        return
    assert read(Gate(US, tmp_path / US, buckets, Clock(), ORDER).root) == {}


@pytest.mark.parametrize("request_", [b"", b"{", b"[]", b'{"at": "now"}', b"{}"])
def test_a_malformed_one_says_nothing(tmp_path: Path, buckets: Buckets, request_: bytes) -> None:
    buckets.cut.add((US, EU))
    buckets.objects[US][f"{PREFIX}/{BEGIN_EMPTY}"] = request_

    with pytest.raises(RestoreError):
        Gate(US, tmp_path / US, buckets, Clock(), ORDER)


def rename(buckets: Buckets, change: Callable[[CheckpointId], CheckpointId]) -> None:
    """Give every checkpoint another id, everywhere."""
    for objects in buckets.objects.values():
        for key in [key for key in objects if key.endswith(f"/{INDEX}")]:
            index = json.loads(objects[key])
            names = [str(change(CheckpointId.parse(name))) for name in index["checkpoints"]]
            objects[key] = json.dumps({**index, "checkpoints": names}).encode()
        for key in [key for key in objects if "/_checkpoints/0" in key]:
            prefix, _, name = key.rpartition("_checkpoints/")
            id = CheckpointId.parse(name)
            other = change(id)
            old, new = (f'"generation": {each.generation}' for each in (id, other))
            objects[f"{prefix}{other.key}"] = objects.pop(key).replace(old.encode(), new.encode())
            buckets.at[f"{prefix}{other.key}"] = buckets.at[key]


def test_after_thousands_of_failovers_the_oldest_generation_is_high(us: Gate, buckets: Buckets) -> None:
    lose(us)
    rename(buckets, lambda id: replace(id, generation=id.generation + 5000))
    us.start()
    us.round(2)
    us.write("three")
    us.round(2)

    assert us.memory == {"one", "two", "three"} and us.state.generation > 5000
    newest = max(checkpoint_ids(key.removeprefix(f"{PREFIX}/") for key in buckets.objects[US]))
    assert newest.generation == us.state.generation
    us.start()
    us.round(2)
    assert us.memory == {"one", "two", "three"}


def test_where_every_name_claims_what_cannot_be_a_company_does_not_begin_anew(
    us: Gate, buckets: Buckets
) -> None:
    lose(us)
    rename(buckets, lambda id: replace(id, at=id.at * 2))

    with pytest.raises(RestoreError, match="ignored: names that cannot be true: 00000"):
        fill(us)
