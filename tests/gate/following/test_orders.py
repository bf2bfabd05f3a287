"""An operator's order to go back to a checkpoint: once, for all regions, and nothing is lost by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.gate.restore.swap import TAMPERED
from runtime.gate.storage.keys import checkpoint_ids
from tests.gate.following.buckets import Buckets
from tests.gate.following.flows import ORDER, both
from tests.gate.following.gates import GRAPH, Clock, Gate
from tests.gate.following.memories import EU, US, read, write


@pytest.fixture
def buckets() -> Buckets:
    return Buckets(ORDER)


@pytest.fixture
def us(tmp_path: Path, buckets: Buckets) -> Gate:
    return Gate(US, tmp_path / US, buckets, Clock(), ORDER)


@pytest.fixture
def eu(us: Gate, tmp_path: Path, buckets: Buckets) -> Gate:
    """The standby of a company with three memories."""
    eu = Gate(EU, tmp_path / EU, buckets, us.time, ORDER)
    us.round()
    for row in ("one", "two", "three"):
        us.write(row)
        both(us, eu, buckets)
    return eu


def ids(buckets: Buckets, region: str, component: str = "brain") -> list[str]:
    keys = (key.removeprefix(f"{region}/acme/{component}/") for key in buckets.objects[region])
    return sorted(str(id) for id in checkpoint_ids(keys))


def order(buckets: Buckets, region: str, number: int, checkpoint: str, component: str = "brain") -> None:
    request = {"order": str(number), "region": region, "checkpoint": checkpoint}
    key = f"{region}/acme/{component}/_orders/restore.json"
    buckets.write(region, key, json.dumps(request).encode())


def test_the_ordered_checkpoint_becomes_every_regions_memory_and_the_rest_is_set_aside(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    order(buckets, US, 1, ids(buckets, US)[0])
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
    order(buckets, US, 2, second)
    us.round(2)
    us.write("four")
    us.round(2)
    us.start()
    us.round(2)
    assert us.memory == {"one", "two", "four"}

    order(buckets, US, 1, first)
    us.round(2)
    assert us.memory == {"one", "two", "four"}
    order(buckets, US, 3, third)
    us.round(2)
    assert us.memory == {"one", "two", "three"}
    assert us.aside == {"three", "four"}


def test_a_region_that_stands_by_does_not_obey(us: Gate, eu: Gate, buckets: Buckets) -> None:
    order(buckets, EU, 1, ids(buckets, EU)[0])
    both(us, eu, buckets, 20)

    assert eu.memory == {"one", "two", "three"}
    assert not eu.messages("Restored") and eu.aside == set()


def test_an_order_for_what_is_not_there_is_told_and_tried_again(us: Gate, eu: Gate, buckets: Buckets) -> None:
    wanted = ids(buckets, US)[0]
    order(buckets, US, 1, wanted)
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


def test_a_memory_that_shrank_by_an_order_is_copied(us: Gate, eu: Gate, buckets: Buckets) -> None:
    """The loss guard compares it with what was ordered."""
    order(buckets, US, 1, ids(buckets, US)[0])
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
    order(buckets, US, 1, ids(buckets, US, "agent")[0], "agent")
    agent.round(2)

    assert read(agent.root, "agent") == {"scheduler.json": b"[]"}
    assert (agent.root / "brain/acme/graph.json").read_bytes() == b"{}"
    assert agent.ready


def test_a_primary_serves_again_once_no_bucket_has_the_snapshot_that_an_application_changed(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    order(buckets, US, 1, ids(buckets, US)[0])
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
