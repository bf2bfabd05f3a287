"""A request counts once, whatever is lost afterwards; another one for the same checkpoint counts again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runtime.gate.lineage.state import STATE
from runtime.gate.snapshot.checkpoint import parse_checkpoint
from runtime.gate.storage.keys import CheckpointId
from tests.gate.handover.buckets import Buckets
from tests.gate.handover.flows import ORDER, both
from tests.gate.handover.gates import COMPANY, Clock, Gate
from tests.gate.handover.memories import US, read, write
from tests.gate.handover.restore_requests import ids, request_restore, standby_with_three_memories


@pytest.fixture
def us(tmp_path: Path, buckets: Buckets) -> Gate:
    return Gate(US, tmp_path / US, buckets, Clock(), ORDER)


@pytest.fixture
def eu(us: Gate, tmp_path: Path, buckets: Buckets) -> Gate:
    return standby_with_three_memories(us, tmp_path, buckets)


def agent_of(tmp_path: Path, buckets: Buckets) -> Gate:
    """Follows nobody; its checkpoints have a small and a large memory."""
    agent = Gate(US, tmp_path / "agent", buckets, Clock(), ORDER, component="agent", follows=())
    write(agent.root, {"scheduler.json": b"[]", "metrics.ndjson": b"{}"})
    agent.round()
    write(agent.root, {"scheduler.json": b"[1]", "metrics.ndjson": b"{}" * 1000})
    agent.round()
    return agent


@pytest.mark.parametrize("lost", ["volume", "state"])
def test_a_lost_volume_does_not_make_a_request_count_again(
    us: Gate, eu: Gate, buckets: Buckets, lost: str
) -> None:
    request_restore(buckets, US, 1, ids(buckets, US)[0])
    us.round(2)
    us.write("four")
    both(us, eu, buckets, 2)
    if lost == "volume":
        shutil.rmtree(us.root)
        us.root.mkdir()
    else:
        (us.root / ".gate" / STATE).unlink()
    us.start()
    us.round(3)

    assert us.memory == {"one", "four"}
    assert not us.messages("Restored")[1:]


@pytest.mark.parametrize("lost", ["volume", "state"])
def test_nor_of_an_agent(tmp_path: Path, buckets: Buckets, lost: str) -> None:
    agent = agent_of(tmp_path, buckets)
    request_restore(buckets, US, 1, ids(buckets, US, "agent")[0], "agent")
    agent.round(2)
    write(agent.root, {"later": b"1"})
    agent.round(2)
    if lost == "volume":
        shutil.rmtree(agent.root)
        agent.root.mkdir()
    else:
        (agent.root / ".gate" / STATE).unlink()
    agent.start()
    agent.round(3)

    assert read(agent.root, "agent")["later"] == b"1"


def test_a_second_restore_to_the_same_point_is_uploaded(tmp_path: Path, buckets: Buckets) -> None:
    """The loss guard compares with what was restored, not with what was uploaded before."""
    agent = agent_of(tmp_path, buckets)
    point = ids(buckets, US, "agent")[0]
    for number in (1, 2, 3):
        request_restore(buckets, US, number, point, "agent")
        agent.round(2)
        restored = read(agent.root, "agent")
        assert restored == {"scheduler.json": b"[]", "metrics.ndjson": b"{}"}
        newest = ids(buckets, US, "agent")[-1]
        uploaded = buckets.objects[US][f"{US}/acme/agent/_checkpoints/{newest}.json"]
        content = parse_checkpoint(uploaded, CheckpointId.parse(newest))
        assert content.files.keys() == restored.keys()
        assert content.request == str(number)
        write(agent.root, {"spoiled": b"x" * 5000})
        agent.round(2)
        assert ids(buckets, US, "agent")[-1] > newest


def test_a_restore_to_the_checkpoint_on_which_the_memory_stands_releases_the_loss_guard(
    us: Gate, eu: Gate, buckets: Buckets
) -> None:
    point = ids(buckets, US)[0]
    request_restore(buckets, US, 1, point)
    us.round(2)
    for number in range(20):
        us.write(f"more-{number}")
    us.round(2)
    shutil.rmtree(us.root / COMPANY)
    us.round(2)
    before = ids(buckets, US)
    request_restore(buckets, US, 2, point)
    us.round(3)

    assert us.memory == {"one"}
    assert len(ids(buckets, US)) > len(before)
    both(us, eu, buckets, 20)
    assert eu.memory == {"one"}
