"""An empty volume is filled from the best complete checkpoint, however often that is interrupted; a damaged
graph is put back; what cannot be done is refused with what is missing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.gate.lineage.state import StateFiles
from runtime.gate.restore import __main__ as init_container
from runtime.gate.restore.startup import RestoreError
from tests.gate.handover.buckets import Buckets
from tests.gate.handover.flows import ORDER, both, failover
from tests.gate.handover.gates import GRAPH, Gate
from tests.gate.handover.kills import CALLS
from tests.gate.handover.lost_volumes import PREFIX, fill, lose, with_two_memories
from tests.gate.handover.memories import EU, US, leftovers, read


class Died(BaseException):
    """The init container ends here."""


@pytest.fixture
def us(tmp_path: Path, buckets: Buckets) -> Gate:
    return with_two_memories(tmp_path, buckets)


def test_an_empty_volume_gets_the_newest_memory_from_the_own_bucket(us: Gate, buckets: Buckets) -> None:
    lose(us)
    buckets.cut.add((US, EU))

    fill(us)

    assert us.memory == {"one", "two"}
    state = StateFiles(us.root).load()
    assert state is not None and state.base is not None
    assert (state.base.region, state.generation, state.raised) == (US, 1, False)
    assert leftovers(us.root) == set()


def test_from_another_regions_bucket_when_the_own_one_lacks_something(us: Gate, buckets: Buckets) -> None:
    lose(us)
    for key in [key for key in buckets.objects[US] if "/data/" in key]:
        del buckets.objects[US][key]

    fill(us)

    assert us.memory == {"one", "two"}


def test_from_the_newest_that_is_whole_when_a_newer_one_is_not(us: Gate, buckets: Buckets) -> None:
    lose(us)
    for region in ORDER:
        del buckets.objects[region][
            f"{PREFIX}/data/{os.path.dirname(GRAPH)}/episodic/episodic_memories.lance/data/two.lance"
        ]

    fill(us)

    assert us.memory == {"one"}


def test_what_arrives_damaged_is_not_taken(us: Gate, buckets: Buckets) -> None:
    """Of the same size, so that no listing shows it."""
    lose(us)
    for region in ORDER:
        (key,) = [key for key in buckets.objects[region] if key.endswith("/two.lance")]
        buckets.objects[region][key] = b"tw0"

    fill(us)

    assert us.memory == {"one"}


def test_without_the_own_bucket_it_is_tried_again_later(us: Gate, buckets: Buckets) -> None:
    lose(us)
    buckets.cut.add((US, US))

    with pytest.raises(RestoreError, match="the own bucket cannot be read"):
        fill(us)
    assert read(us.root) == {}


def test_no_whole_checkpoint_is_refused_with_what_is_missing_where(us: Gate, buckets: Buckets) -> None:
    lose(us)
    for region in ORDER:
        for key in [key for key in buckets.objects[region] if key.endswith("/one.lance")]:
            del buckets.objects[region][key]

    with pytest.raises(RestoreError) as refused:
        fill(us)
    message = str(refused.value)
    for region in ORDER:
        assert (
            f"in the bucket of {region} lacks data/acme/episodic/episodic_memories.lance/data/one.lance"
            in message
        )
    assert read(us.root) == {}


def test_a_volume_with_data_is_left_alone(us: Gate, buckets: Buckets) -> None:
    us.write("not uploaded")
    buckets.cut = {(US, US), (US, EU)}

    fill(us)

    assert us.memory == {"one", "two", "not uploaded"}


@pytest.mark.parametrize("broken", [b"", b'{"one": 1, "tw', b"[]"])
def test_a_graph_that_does_not_parse_is_put_back_and_the_broken_one_kept(us: Gate, broken: bytes) -> None:
    (us.root / GRAPH).write_bytes(broken)

    fill(us)

    assert us.memory == {"one", "two"}
    (kept,) = (us.root / GRAPH).parent.glob("graph.json.broken-*")
    assert kept.read_bytes() == broken


def test_a_graph_that_was_put_back_is_no_write_to_a_standby(
    us: Gate, tmp_path: Path, buckets: Buckets
) -> None:
    eu = Gate(EU, tmp_path / EU, buckets, us.time, ORDER)
    both(us, eu, buckets)
    assert eu.memory == {"one", "two"}
    (eu.root / GRAPH).write_bytes(b"{")

    eu.start()
    eu.round(2)

    assert eu.memory == {"one", "two"}
    assert eu.now_alarm is None


def test_a_region_that_lost_its_volume_sets_aside_what_it_alone_had_uploaded(
    us: Gate, tmp_path: Path, buckets: Buckets
) -> None:
    eu = Gate(EU, tmp_path / EU, buckets, us.time, ORDER)
    both(us, eu, buckets)
    us.write("late")
    us.upload()  # in the own bucket, and not replicated yet
    buckets.cut.add((EU, US))
    failover(us, eu, buckets)
    eu.write("three")
    eu.round()
    buckets.cut.clear()
    buckets.replicate()
    lose(us)

    us.start()
    us.round(2)

    assert us.memory == {"one", "two", "three"}
    assert us.aside == {"late"}
    assert any("/diverged/" in key and key.endswith("late.lance") for key in buckets.objects[US])


def test_diverged_files_are_in_the_bucket_before_any_newer_snapshot_of_the_volume(
    us: Gate, tmp_path: Path, buckets: Buckets
) -> None:
    """Else it would be lost with the volume."""
    eu = Gate(EU, tmp_path / EU, buckets, us.time, ORDER)
    both(us, eu, buckets)
    us.write("late")
    us.upload()
    buckets.cut.add((EU, US))
    failover(us, eu, buckets)
    eu.write("three")
    eu.round()
    buckets.cut = {(US, US)}
    us.flags = eu.flags = frozenset()
    us.coordinate()
    us.round(2)
    assert us.memory == {"one", "two", "three"} and us.aside == {"late"}
    buckets.cut.clear()
    us.upload()
    lose(us)
    us.start()

    assert any("/diverged/" in key and key.endswith("late.lance") for key in buckets.objects[US])


def test_restore_that_is_killed_anywhere_goes_on(
    us: Gate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    left = [0]

    def dying(call: Callable[..., Any]) -> Callable[..., Any]:
        def dies(*arguments: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise Died
            return call(*arguments, **named)

        return dies

    for name in CALLS:
        monkeypatch.setattr(os, name, dying(getattr(os, name)))
    monkeypatch.setattr(shutil, "_use_fd_functions", False)
    killed = 0
    for number in range(1, 1000):
        lose(us)
        left[0] = number
        try:
            fill(us)
            break
        except Died:
            killed += 1
        left[0] = 0
        assert us.memory in (set(), {"one", "two"})
        fill(us)
        assert us.memory == {"one", "two"}
        assert leftovers(us.root) == set()
    assert killed > 50


def test_it_is_a_program_that_says_why_it_cannot(
    us: Gate,
    buckets: Buckets,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    lose(us)
    buckets.cut.add((US, US))
    config = {
        "region": US,
        "namespace": "acme",
        "component": "brain",
        "order": list(ORDER),
        "follows": [EU],
        "ranked": True,
        "buckets": dict(us.config.buckets),
        "syncInterval": 60,
    }
    (tmp_path / "settings.json").write_text(json.dumps(config))
    for name, value in {
        "GATE_VOLUME": us.root,
        "GATE_SETTINGS": tmp_path,
        "GATE_FLAGS": tmp_path / "flags",
        "GATE_RCLONE": "rclone",
        "GATE_APPLICATION": "http://127.0.0.1:3002/health",
        "POD_NAME": "brain-us-east-1-0",
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(init_container, "BucketStores", lambda *_: us.stores)

    assert init_container.main() == 1
    assert "the own bucket cannot be read" in capsys.readouterr().out
    buckets.cut.clear()
    assert init_container.main() == 0
    assert us.memory == {"one", "two"}
