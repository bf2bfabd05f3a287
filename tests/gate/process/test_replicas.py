"""A pod that is not the first of its StatefulSet: it makes way while the memory is swapped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.gate.restore.quiesce import ACK
from runtime.gate.restore.swap_state import JOURNAL, STATE_NEXT, is_swapping
from tests.gate.process.application import Writer
from tests.gate.process.pod import REGION, Pod
from tests.services import until


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Pod]:
    pod = Pod(tmp_path / "second", component="agent", ordinal=1)
    pod.files = {f"mcp.{role}.json": "{}" for role in ("serving", "standby")}
    pod.configure(replicas=2, buckets={REGION: "none-is-asked"})
    try:
        yield pod
    finally:
        pod.close()


def test_it_stops_its_application_says_so_and_is_not_ready_until_the_swap_is_over(
    second: Pod, tmp_path: Path
) -> None:
    writer = Writer(second.volume / "acme", tmp_path, container="agent")
    writer.allow()
    try:
        second.start()
        until(second.ready, "it is ready")
        gate = second.volume / ".gate"
        gate.mkdir()
        (gate / STATE_NEXT).write_text("{}")
        journal = {"id": "1700000000000", "at": 1, "region": REGION, "checkpoint": "000001-1700000000000"}
        (gate / JOURNAL).write_text(json.dumps(journal))
        assert is_swapping(second.volume)

        acknowledged = gate / f"{ACK}1"
        until(acknowledged.exists, "it says that its application is stopped")
        assert acknowledged.read_text() == "1700000000000"
        assert writer.ended, "before it says so"
        until(lambda: not second.ready(), "it is not ready")
        assert second.get("/ready")[1] == "a swap is in progress\n"

        for name in (JOURNAL, STATE_NEXT):
            (gate / name).unlink()
        until(second.ready, "it is ready again")
    finally:
        writer.kill()


def test_it_is_healthy_and_measures_no_lag(second: Pod) -> None:
    second.start()
    until(second.ready, "it is ready")

    assert second.says()["ok"]
    assert second.says()["lagSeconds"] is None
