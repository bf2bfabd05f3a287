"""A restore request is carried out once, for all regions, and nothing is lost by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runtime.gate.lineage.state import StateFiles
from runtime.gate.restore.swap import TAMPERED
from runtime.gate.snapshot.checkpoint import parse_checkpoint
from runtime.gate.storage.keys import CheckpointId
from tests.gate.handover.buckets import Buckets
from tests.gate.handover.flows import ORDER, both
from tests.gate.handover.gates import GRAPH, Clock, Gate
from tests.gate.handover.memories import EU, US, read, write
from tests.gate.handover.restore_requests import ids, request_restore, standby_with_three_memories


@pytest.fixture
def us(tmp_path: Path, buckets: Buckets) -> Gate:
    return Gate(US, tmp_path / US, buckets, Clock(), ORDER)


@pytest.fixture
def eu(us: Gate, tmp_path: Path, buckets: Buckets) -> Gate:
    return standby_with_three_memories(us, tmp_path, buckets)


def test_the_requested_checkpoint_becomes_every_region_s_memory_and_the_rest_is_set_aside(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    request_restore(buckets, US, 1, ids(buckets, US)[0])
    us.round(2)

    assert us.memory == {"one"}
    assert us.aside == {"two", "three"}
    assert us.messages("Restored") == [
        f"{US}'s checkpoint {ids(buckets, US)[0]} is restored, with generation 2"
    ]
    assert us.ready
    both(us, eu, buckets, 20)
    assert eu.memory == {"one"}


def test_it_is_carried_out_once_and_no_older_one_after_it(us: Gate, eu: Gate, buckets: Buckets) -> None:
    first, second, third = ids(buckets, US)
    request_restore(buckets, US, 2, second)
    us.round(2)
    us.write("four")
    us.round(2)
    us.start()
    us.round(2)
    assert us.memory == {"one", "two", "four"}

    request_restore(buckets, US, 1, first)
    us.round(2)
    assert us.memory == {"one", "two", "four"}
    request_restore(buckets, US, 3, third)
    us.round(2)
    assert us.memory == {"one", "two", "three"}
    assert us.aside == {"three", "four"}


def test_a_region_that_stands_by_does_not_obey(us: Gate, eu: Gate, buckets: Buckets) -> None:
    request_restore(buckets, EU, 1, ids(buckets, EU)[0])
    both(us, eu, buckets, 20)

    assert eu.memory == {"one", "two", "three"}
    assert not eu.messages("Restored") and eu.aside == set()


def test_a_request_for_what_is_missing_is_reported_and_retried(us: Gate, eu: Gate, buckets: Buckets) -> None:
    wanted = ids(buckets, US)[0]
    request_restore(buckets, US, 1, wanted)
    kept = {
        (region, key): buckets.objects[region].pop(key)
        for region in ORDER
        for key in list(buckets.objects[region])
        if key.endswith("/one.lance")
    }
    us.round(2)
    assert us.memory == {"one", "two", "three"}
    (message,) = us.messages("ChoreFailed")
    assert "is complete in no bucket" in message and wanted in message

    for (region, key), data in kept.items():
        buckets.objects[region][key] = data
    us.round(2)
    assert us.memory == {"one"}


def test_a_memory_that_a_request_shrank_is_uploaded(us: Gate, eu: Gate, buckets: Buckets) -> None:
    """The loss guard compares it with what was ordered."""
    request_restore(buckets, US, 1, ids(buckets, US)[0])
    before = ids(buckets, US)
    us.round(2)

    assert len(ids(buckets, US)) > len(before)


def test_an_agents_volume_follows_nobody_and_obeys(tmp_path: Path, buckets: Buckets) -> None:
    agent = Gate(US, tmp_path / "agent", buckets, Clock(), ORDER, component="agent", follows=())
    write(agent.root, {"scheduler.json": b"[]", "brain/acme/graph.json": b"{}"})
    agent.round()
    write(agent.root, {"scheduler.json": b"[1]", "metrics/today.ndjson": b"{}\n"})
    agent.round()
    assert agent.state.generation == 0
    request_restore(buckets, US, 1, ids(buckets, US, "agent")[0], "agent")
    agent.round(2)

    assert read(agent.root, "agent") == {"scheduler.json": b"[]"}
    assert (agent.root / "brain/acme/graph.json").read_bytes() == b"{}"
    assert agent.ready


def test_a_primary_serves_again_once_no_bucket_has_the_snapshot_that_an_application_changed(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    request_restore(buckets, US, 1, ids(buckets, US)[0])
    us.round(2)
    (us.root / ".gate" / TAMPERED).touch()
    (us.root / GRAPH).write_text("{}")
    for region in ORDER:
        buckets.objects[region] = {key: data for key, data in buckets.objects[region].items() if "/_" in key}

    us.round()
    assert not us.ready
    us.round(3)

    assert us.messages("TamperedKept")
    assert us.ready


def test_a_request_from_the_future_is_refused_and_hinders_no_later_one(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    first, second, _ = ids(buckets, US)
    request_restore(buckets, US, int((us.time.now + 86400) * 1000), first)
    us.round(2)
    assert us.memory == {"one", "two", "three"}
    (message,) = us.messages("RequestRefused")
    assert "made after S3 received it" in message

    us.time.pass_by(2 * 86400)
    us.round(2)
    assert us.memory == {"one", "two", "three"}, "S3 received it before its time all the same"
    request_restore(buckets, US, int(us.time.now * 1000), second)
    us.round(2)
    assert us.memory == {"one", "two"}


def test_a_request_from_the_future_that_an_older_gate_carried_out_hinders_no_later_one(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    records = StateFiles(us.root)
    records.save(replace(us.state, last_order=str(int((us.time.now + 86400) * 1000))))
    request_restore(buckets, US, int(us.time.now * 1000), ids(buckets, US)[0])
    us.round(2)
    assert us.memory == {"one"}


def test_a_request_for_a_checkpoint_that_cannot_be_is_refused(us: Gate, eu: Gate, buckets: Buckets) -> None:
    good = buckets.objects[US][f"{US}/acme/brain/_checkpoints/{ids(buckets, US)[0]}.json"]
    for number, id in enumerate((f"009999-{int(us.time.now) * 1000}", f"000001-{int(us.time.now * 2000)}")):
        generation = str(int(id[:6])).encode()
        buckets.write(
            US,
            f"{US}/acme/brain/_checkpoints/{id}.json",
            good.replace(b'"generation": 1', b'"generation": ' + generation),
        )
        request_restore(buckets, US, number + 1, id)
        us.round(2)
        assert us.memory == {"one", "two", "three"}
        assert "cannot be" in us.messages("ChoreFailed")[-1]
    assert us.state.generation < 10


def test_objects_that_were_overwritten_here_come_from_another_region_s_bucket(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    for key, data in buckets.objects[US].items():
        if "/data/" in key or "/objects/" in key:
            buckets.objects[US][key] = bytes(len(data))
    request_restore(buckets, US, 1, ids(buckets, US)[0])
    us.round(3)

    assert us.memory == {"one"}


def test_a_checkpoint_is_read_as_it_is_now(us: Gate, eu: Gate, buckets: Buckets) -> None:
    """An earlier scan may have read what somebody put in its place."""
    first = ids(buckets, US)[0]
    good = buckets.objects[US][f"{US}/acme/brain/_checkpoints/{first}.json"]
    wrong = parse_checkpoint(good.replace(b"one", b"two"), CheckpointId.parse(first))
    us.coordinator.parts.active.scanner._read[US, wrong.id] = wrong
    request_restore(buckets, US, 1, first)
    us.round(2)

    assert us.memory == {"one"}
