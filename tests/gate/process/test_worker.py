"""The worker's rounds, with a following that does what the test wants."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from runtime.gate import worker as worker_module
from runtime.gate.application import Application
from runtime.gate.config import Environment
from runtime.gate.events import EventLog
from runtime.gate.handover.coordinator import Coordinator
from runtime.gate.handover.roles import Role
from runtime.gate.handover.status import MemoryStatus
from runtime.gate.live_config import LiveConfig
from runtime.gate.snapshot.schedule import UploadSchedule
from runtime.gate.storage import reserve
from runtime.gate.storage.writer import VolumeInUse, WriterLock
from runtime.gate.worker import Worker
from runtime.metrics import Metrics
from tests.services import until

REGION = "us-east-1"
ROUND_SECONDS = 0.1


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "ROUND_SECONDS", ROUND_SECONDS)


class FakeCoordinator:
    """Stands in for the Coordinator."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.rounds = 0
        self.passes = 0
        self.now = MemoryStatus(ready=True, reason=None)

    def round(self, role: Role, flags: frozenset[str]) -> MemoryStatus:
        self.rounds += 1
        if self.fault is not None:
            raise self.fault
        return self.now

    def upload(self, role: Role, *, last: bool = False) -> None:
        self.passes += 1

    def unfit(self, role: Role) -> str | None:
        return self.now.reason


class Bench:
    """A worker and what surrounds it; its upload is due at once."""

    def __init__(self, folder: Path) -> None:
        (folder / "settings").mkdir()
        config: dict[str, Any] = {
            "region": REGION,
            "namespace": "acme",
            "component": "brain",
            "order": [REGION],
        }
        config |= {"follows": [], "ranked": False, "buckets": {REGION: "bucket"}, "syncInterval": 60}
        (folder / "settings" / "settings.json").write_text(json.dumps(config))
        environment = Environment(
            volume=folder,
            config=folder / "settings",
            flags=folder / "flags",
            rclone=folder / "rclone",
            application="http://127.0.0.1:1/health",
            work=None,
            port=0,
            ordinal=0,
        )
        self.metrics = Metrics()
        self.events = EventLog(self.metrics)
        self.coordinator = FakeCoordinator()
        self.live = LiveConfig(environment, self.events, self.metrics)
        schedule = UploadSchedule(folder / "copied", self.events, self.metrics)
        schedule.hurry()
        self.worker = Worker(
            environment,
            self.live,
            cast(Coordinator, self.coordinator),
            schedule,
            Application(()),
            threading.Event(),
            self.events,
            self.metrics,
        )

    def problems(self) -> list[str]:
        return self.worker.problems(self.live.config)

    def reasons(self) -> list[str]:
        return [step["reason"] for step in self.events.after(0)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    bench.worker.start()
    try:
        yield bench
    finally:
        bench.worker.finish()


@pytest.mark.parametrize("error", [OSError("disk full"), ValueError("damaged"), RuntimeError("a mistake")])
def test_a_round_that_fails_is_told_once_and_tried_again(bench: Bench, error: Exception) -> None:
    bench.coordinator.fault = error
    until(lambda: bool(bench.problems()), "it is told")
    rounds = bench.coordinator.rounds
    until(lambda: bench.coordinator.rounds > rounds + 2, "it is tried again")

    assert bench.worker.alive
    assert str(error) in bench.problems()[0]
    assert bench.reasons() == ["FollowFailed"]

    bench.coordinator.fault = None
    until(lambda: not bench.problems(), "it is well again")
    assert bench.reasons() == ["FollowFailed", "FollowRecovered"]


def test_a_round_that_fails_keeps_nothing_from_being_uploaded(bench: Bench) -> None:
    bench.coordinator.fault = OSError("the newest snapshot cannot be staged")
    until(lambda: bool(bench.problems()), "it is told")
    passes = bench.coordinator.passes

    until(lambda: bench.coordinator.passes > passes + 1, "the volume is copied all the same")


def test_while_another_process_has_the_volume_nothing_is_done_on_it(tmp_path: Path) -> None:
    other = WriterLock(tmp_path)
    other.acquire()
    bench = Bench(tmp_path)
    bench.worker.start()
    until(lambda: bool(bench.problems()), "it is told")
    time.sleep(2 * ROUND_SECONDS)

    assert bench.coordinator.rounds == bench.coordinator.passes == 0
    assert "another process writes to the volume" in (bench.worker.unfit(Role.PRIMARY) or "")
    assert "agency_volume_in_use 1" in bench.metrics.text() and bench.reasons() == ["VolumeInUse"]
    other.release()
    until(lambda: bench.coordinator.passes > 0, "it goes on")
    assert bench.worker.unfit(Role.PRIMARY) is None and bench.problems() == []

    other_again = WriterLock(tmp_path)
    with pytest.raises(VolumeInUse):
        other_again.acquire()
    bench.worker.finish()
    other_again.acquire()


def test_some_space_is_kept_for_the_gate_s_own_records(bench: Bench, tmp_path: Path) -> None:
    until(lambda: bench.coordinator.rounds > 0, "a round has begun")

    assert (tmp_path / reserve.RESERVE).stat().st_size == reserve.LEAST


def test_a_pass_that_may_not_be_made_yet_is_asked_for_once_a_round(bench: Bench) -> None:
    until(lambda: bench.coordinator.passes > 0, "it was asked for")
    began = time.monotonic()
    until(lambda: bench.coordinator.passes > 1, "it was asked for again")

    assert time.monotonic() - began > ROUND_SECONDS / 2


def test_an_alarm_is_a_problem_and_an_unfit_memory_a_reason(bench: Bench) -> None:
    bench.coordinator.now = MemoryStatus(ready=False, reason="catching up", alarm="a standby was written to")

    assert bench.problems() == ["a standby was written to"]
    assert bench.worker.unfit(Role.PRIMARY) == "catching up"


def test_a_last_pass_that_is_not_allowed_is_not_taken_for_an_upload(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.worker.start()

    assert not bench.worker.finish()
    assert not bench.worker.alive
    assert bench.reasons() == ["StoppedUncopied"]
