"""When upload passes are due, what they report, and what a restart remembers."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.contracts.gate import GateConfig
from runtime.gate.events import EventLog
from runtime.gate.snapshot.schedule import UploadSchedule, error_kind, offset
from runtime.gate.snapshot.upload import UploadResult
from runtime.gate.storage.errors import Refused, StoreError, Unreachable
from runtime.gate.storage.rclone import Interrupted
from runtime.metrics import Metrics

SETTINGS = GateConfig(
    region="us-east-1",
    namespace="acme",
    component="brain",
    order=("us-east-1",),
    follows=(),
    ranked=False,
    buckets={"us-east-1": "bucket"},
    sync_interval=60,
)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def events(metrics: Metrics) -> EventLog:
    return EventLog(metrics)


@pytest.fixture
def schedule(tmp_path: Path, events: EventLog, metrics: Metrics) -> UploadSchedule:
    return UploadSchedule(tmp_path / ".gate" / "copied", events, metrics)


def test_a_thousand_gates_that_start_together_spread_over_the_interval() -> None:
    offsets = [offset(replace(SETTINGS, namespace=f"company-{number}")) for number in range(1000)]

    assert all(0 <= each < 60 for each in offsets)
    for second in range(0, 60, 5):
        assert 40 <= sum(second <= each < second + 5 for each in offsets) <= 130, "about 83 of 1000"


def test_brain_and_agent_of_a_company_and_its_regions_start_apart() -> None:
    others = [replace(SETTINGS, component="agent"), replace(SETTINGS, region="eu-west-1")]

    assert len({offset(settings) for settings in [SETTINGS, *others]}) == 3
    assert offset(SETTINGS) == offset(replace(SETTINGS, order=("eu-west-1", "us-east-1")))


def test_the_first_pass_is_due_at_the_offset(schedule: UploadSchedule) -> None:
    assert schedule.wait(SETTINGS) == pytest.approx(offset(SETTINGS), abs=5)


def test_another_interval_holds_from_the_pass_that_was_made_last(schedule: UploadSchedule) -> None:
    schedule.run(_broken(OSError("disk")))

    assert schedule.wait(SETTINGS) == pytest.approx(60, abs=5)
    assert schedule.wait(replace(SETTINGS, sync_interval=3600)) == pytest.approx(3600, abs=5)
    assert schedule.wait(replace(SETTINGS, sync_interval=10)) == pytest.approx(10, abs=5)


def test_a_pass_can_be_made_due_at_once(schedule: UploadSchedule) -> None:
    schedule.make_due()

    assert schedule.wait(SETTINGS) < 0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unreachable("S3"), "unreachable"),
        (Refused("S3"), "refused"),
        (StoreError("S3"), "store"),
        (OSError("disk full"), "volume"),
        (ValueError("a mistake of ours"), "internal"),
    ],
)
def test_a_failed_pass_is_counted_by_kind_and_reported_once(
    schedule: UploadSchedule, events: EventLog, metrics: Metrics, error: Exception, kind: str
) -> None:
    for _ in range(3):
        assert not schedule.run(_broken(error))

    assert error_kind(error) == kind
    assert metrics.value("agency_copy_errors_total", kind=kind) == 3
    assert metrics.value("agency_copy_passes_total", result="error") == 3
    assert [event["reason"] for event in events.after(0)] == ["CopyFailed"]
    assert str(error) in schedule.problems(SETTINGS)[0]


def test_objects_that_somebody_changed_are_reported(schedule: UploadSchedule, events: EventLog) -> None:
    changed = UploadResult(
        checkpoint=None,
        newest=None,
        changed=False,
        guarded=None,
        uploaded_bytes=0,
        replaced=("objects/1", "objects/2"),
    )

    assert schedule.run(lambda: changed)

    (event,) = events.after(0)
    assert (event["type"], event["reason"]) == ("Warning", "ObjectsReplaced")
    assert "objects/1, objects/2" in event["message"]


def test_an_interrupted_pass_is_no_failure_and_stays_due(schedule: UploadSchedule, metrics: Metrics) -> None:
    schedule.make_due()
    with pytest.raises(Interrupted):
        schedule.run(_broken(Interrupted()))

    assert schedule.wait(SETTINGS) < 0
    assert schedule.problems(SETTINGS) == []
    assert metrics.value("agency_copy_passes_total", result="interrupted") == 1


def test_a_pass_that_may_not_be_made_now_stays_due(schedule: UploadSchedule) -> None:
    schedule.make_due()

    assert not schedule.run(lambda: None)
    assert schedule.wait(SETTINGS) < 0


def test_a_restart_forgets_no_lag(tmp_path: Path, events: EventLog) -> None:
    mark = tmp_path / "copied"
    mark.touch()
    hour_ago = time.time() - 3600
    os.utime(mark, (hour_ago, hour_ago))
    schedule = UploadSchedule(mark, events, Metrics())

    assert schedule.lag() == pytest.approx(3600, abs=60)
    assert "3600 s old" in schedule.problems(SETTINGS)[0].replace("3601", "3600")


def test_a_clock_that_was_set_back_makes_no_lag_below_zero(tmp_path: Path, events: EventLog) -> None:
    mark = tmp_path / "copied"
    mark.touch()
    os.utime(mark, (time.time() + 9000, time.time() + 9000))

    assert UploadSchedule(mark, events, Metrics()).lag() == 0


def _broken(error: Exception):  # type: ignore[no-untyped-def]
    def copy() -> None:
        raise error

    return copy
