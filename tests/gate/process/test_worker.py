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

    def why_not_ready(self, role: Role) -> str | None:
        return self.now.reason


class RunningWorker:
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
        schedule.make_due()
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
        return [event["reason"] for event in self.events.after(0)]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningWorker]:
    running = RunningWorker(tmp_path)
    running.worker.start()
    try:
        yield running
    finally:
        running.worker.finish()


@pytest.mark.parametrize("error", [OSError("disk full"), ValueError("damaged"), RuntimeError("a mistake")])
def test_a_round_that_fails_is_reported_once_and_tried_again(
    running: RunningWorker, error: Exception
) -> None:
    running.coordinator.fault = error
    until(lambda: bool(running.problems()), "the problem is reported")
    rounds = running.coordinator.rounds
    until(lambda: running.coordinator.rounds > rounds + 2, "it is tried again")

    assert running.worker.alive
    assert str(error) in running.problems()[0]
    assert running.reasons() == ["FollowFailed"]

    running.coordinator.fault = None
    until(lambda: not running.problems(), "it is well again")
    assert running.reasons() == ["FollowFailed", "FollowRecovered"]


def test_a_round_that_fails_keeps_nothing_from_being_uploaded(running: RunningWorker) -> None:
    running.coordinator.fault = OSError("the newest snapshot cannot be staged")
    until(lambda: bool(running.problems()), "the problem is reported")
    passes = running.coordinator.passes

    until(lambda: running.coordinator.passes > passes + 1, "the volume is uploaded all the same")


def test_while_another_process_has_the_volume_nothing_is_done_on_it(tmp_path: Path) -> None:
    other = WriterLock(tmp_path)
    other.acquire()
    running = RunningWorker(tmp_path)
    running.worker.start()
    until(lambda: bool(running.problems()), "the problem is reported")
    time.sleep(2 * ROUND_SECONDS)

    assert running.coordinator.rounds == running.coordinator.passes == 0
    assert "another process writes to the volume" in (running.worker.why_not_ready(Role.PRIMARY) or "")
    assert "agency_volume_in_use 1" in running.metrics.text() and running.reasons() == ["VolumeInUse"]
    other.release()
    until(lambda: running.coordinator.passes > 0, "it goes on")
    assert running.worker.why_not_ready(Role.PRIMARY) is None and running.problems() == []

    other_again = WriterLock(tmp_path)
    with pytest.raises(VolumeInUse):
        other_again.acquire()
    running.worker.finish()
    other_again.acquire()


def test_some_space_is_kept_for_the_gate_s_own_records(running: RunningWorker, tmp_path: Path) -> None:
    until(lambda: running.coordinator.rounds > 0, "a round has begun")

    assert (tmp_path / reserve.RESERVE).stat().st_size == reserve.LEAST


def test_a_pass_that_may_not_be_made_yet_is_asked_for_once_a_round(running: RunningWorker) -> None:
    until(lambda: running.coordinator.passes > 0, "it was asked for")
    began = time.monotonic()
    until(lambda: running.coordinator.passes > 1, "it was asked for again")

    assert time.monotonic() - began > ROUND_SECONDS / 2


def test_an_alarm_is_a_problem_and_an_unfit_memory_a_reason(running: RunningWorker) -> None:
    running.coordinator.now = MemoryStatus(
        ready=False, reason="catching up", alarm="a standby was written to"
    )

    assert running.problems() == ["a standby was written to"]
    assert running.worker.why_not_ready(Role.PRIMARY) == "catching up"


def test_a_last_pass_that_is_not_allowed_is_not_taken_for_an_upload(tmp_path: Path) -> None:
    running = RunningWorker(tmp_path)
    running.worker.start()

    assert not running.worker.finish()
    assert not running.worker.alive
    assert running.reasons() == ["StoppedUncopied"]
