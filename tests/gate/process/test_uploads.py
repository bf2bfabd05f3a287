"""The whole gate, with real rclone and an S3 that judges and fails."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from runtime.gate.snapshot.schedule import RESULTS
from tests.gate.process import buckets
from tests.gate.process.application import Writer
from tests.gate.process.pod import REGION, Pod
from tests.s3 import CUT, REFUSED, SLOW_DOWN, Call, Fault, S3Service
from tests.services import until


def slow_uploads(call: Call) -> Fault | None:
    return Fault(delay=600.0) if call.operation == "PutObject" else None


def uploading(s3: S3Service) -> bool:
    return any(call.operation == "PutObject" for call in s3.calls)


def passes(pod: Pod, result: str) -> float:
    return pod.metric("agency_copy_passes_total", result=result)


def test_what_is_written_is_in_the_bucket_and_the_lag_falls(copied: Pod, s3: S3Service) -> None:
    (copied.volume / "acme").mkdir()
    (copied.volume / "acme" / "graph.json").write_text("{}")
    copied.start()
    until(lambda: buckets.newest(s3) == {"acme/graph.json": b"{}"}, "it is copied")

    (copied.volume / "acme" / "graph.json").write_text('{"a": 1}')
    until(lambda: buckets.newest(s3) == {"acme/graph.json": b'{"a": 1}'}, "the change is copied")
    until(lambda: passes(copied, "unchanged") > 0, "a pass without a change makes no checkpoint")
    assert passes(copied, "ok") == len(buckets.checkpoints(s3)) == 2
    assert passes(copied, "error") == 0
    assert copied.metric("agency_checkpoint_timestamp_seconds") == buckets.checkpoints(s3)[-1].id.at / 1000
    assert copied.metric("agency_copy_bytes_total") >= len("{}" + '{"a": 1}')
    assert copied.says()["ok"]
    assert not s3.refused


def test_another_interval_takes_effect_without_a_restart(copied: Pod, s3: S3Service) -> None:
    copied.configure(syncInterval=100_000)
    (copied.volume / "file").write_text("x")
    copied.start()
    until(copied.ready, "it is ready")
    assert not buckets.checkpoints(s3), "the first pass is hours away"

    copied.configure(syncInterval=1)
    until(lambda: buckets.newest(s3) == {"file": b"x"}, "it is copied")
    (copied.volume / "file").write_text("y")
    until(lambda: buckets.newest(s3) == {"file": b"y"}, "and again")
    assert [line["event"] for line in copied.log()].count("serving") == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(SLOW_DOWN, "unreachable"), (REFUSED, "refused"), (CUT, "unreachable")],
    ids=["503", "403", "cut"],
)
def test_while_s3_fails_the_lag_grows_and_health_says_why_and_then_it_catches_up(
    copied: Pod, s3: S3Service, fault: Fault, kind: str
) -> None:
    (copied.volume / "file").write_text("before")
    copied.start()
    until(lambda: buckets.newest(s3) == {"file": b"before"}, "it is copied")

    s3.fault = lambda call: fault
    (copied.volume / "file").write_text("meanwhile")
    until(
        lambda: copied.metric("agency_copy_errors_total", kind=kind) >= 2, "passes fail, and are tried again"
    )
    assert f"could not be uploaded ({kind})" in copied.problems()
    lag = copied.metric("agency_copy_lag_seconds")
    until(lambda: copied.metric("agency_copy_lag_seconds") > lag + 1, "the lag grows")
    assert copied.ready() and copied.status("/live") == 200, "who serves does not depend on S3"
    assert copied.reasons().count("CopyFailed") == 1, "told once, not at each pass"

    s3.fault = None
    until(lambda: buckets.newest(s3) == {"file": b"meanwhile"}, "it catches up by itself")
    until(lambda: copied.says()["ok"], "and is well")
    assert copied.metric("agency_copy_lag_seconds") < lag
    assert copied.reasons().count("CopyRecovered") == 1


def test_it_serves_when_s3_is_away_from_the_start(copied: Pod, s3: S3Service) -> None:
    s3.fault = lambda call: CUT
    (copied.volume / "file").write_text("x")
    copied.start()
    until(copied.ready, "it is ready")

    until(lambda: "could not be uploaded" in copied.problems(), "health says so all the same")


def test_a_slow_s3_makes_a_long_pass_that_neither_readiness_nor_liveness_wait_for(
    copied: Pod, s3: S3Service
) -> None:
    (copied.volume / "file").write_text("x")
    s3.fault = lambda call: Fault(delay=4.0)
    copied.start()
    until(lambda: len(s3.calls) > 0, "a pass is under way")
    for target in ("/ready", "/live", "/health", "/metrics", "/events"):
        copied.get(target)
    assert copied.ready()
    assert not buckets.checkpoints(s3)

    until(lambda: buckets.newest(s3) == {"file": b"x"}, "slowly, but it is copied")


def test_a_lag_beyond_bounds_is_bad_health_even_when_no_pass_fails(copied: Pod, s3: S3Service) -> None:
    """A pass that hangs fails nothing; the lag tells."""
    mark = copied.volume / ".gate" / "copied"
    mark.parent.mkdir()
    mark.touch()
    os.utime(mark, (0, 0))
    copied.configure(syncInterval=100_000)
    copied.start()

    assert "old; the interval is 100000 s" in copied.problems()
    copied.configure(syncInterval=1)
    until(lambda: copied.says()["ok"], "a pass has been made")


def test_on_sigterm_it_waits_for_the_application_and_uploads_what_it_wrote_last(
    copied: Pod, s3: S3Service, tmp_path: Path
) -> None:
    """On a node that is drained the gate may get SIGTERM before the application has ended."""
    copied.configure(syncInterval=100_000)
    writer = Writer(copied.volume / "acme", tmp_path)
    try:
        copied.start()
        copied.signal(signal.SIGTERM)
        writer.terminate()
        until(lambda: copied.log()[-1]["event"] == "awaiting-application", "it waits")
        assert copied.log()[-1]["running"] >= 1
        assert not buckets.checkpoints(s3)
        writer.end()

        assert copied.ended() == 0
    finally:
        writer.kill()
    held = buckets.newest(s3)
    assert held["acme/last-words"] == b"these must not be lost"
    assert held == {f"acme/{file.name}": file.read_bytes() for file in (copied.volume / "acme").iterdir()}
    assert copied.log()[-1]["reason"] == "Stopped"


def test_on_sigterm_in_the_middle_of_a_pass_it_ends_that_and_makes_the_last(
    copied: Pod, s3: S3Service
) -> None:
    (copied.volume / "file").write_text("x")
    s3.fault = slow_uploads
    copied.start()
    until(lambda: uploading(s3), "a pass is under way")
    s3.fault = None
    copied.signal(signal.SIGTERM)

    assert copied.ended() == 0
    assert "copy-interrupted" in [line["event"] for line in copied.log()]
    assert buckets.newest(s3) == {"file": b"x"}


def test_a_change_of_role_ends_a_pass_and_begins_another(copied: Pod, s3: S3Service) -> None:
    (copied.volume / "file").write_text("x")
    s3.fault = slow_uploads
    copied.start()
    until(lambda: uploading(s3), "a pass is under way")
    s3.fault = None
    copied.flag(REGION)

    until(lambda: buckets.newest(s3) == {"file": b"x"}, "it is copied")
    assert passes(copied, "interrupted") == 1
    assert passes(copied, "error") == 0


def test_a_demoted_region_uploads_at_once_what_was_written_last(copied: Pod, s3: S3Service) -> None:
    (copied.volume / "file").write_text("x")
    copied.configure(syncInterval=100_000)
    copied.start()
    until(copied.ready, "it serves")
    copied.flag(REGION)

    until(lambda: buckets.newest(s3) == {"file": b"x"}, "it is copied, hours before its time")


def test_a_last_upload_that_fails_is_reported_and_ends_with_1(copied: Pod, s3: S3Service) -> None:
    (copied.volume / "file").write_text("x")
    s3.fault = lambda call: SLOW_DOWN
    copied.start()
    copied.signal(signal.SIGTERM)

    assert copied.ended() == 1
    entry = copied.log()[-1]
    assert (entry["reason"], entry["level"]) == ("StoppedUncopied", "warning")


def test_killed_in_a_pass_and_started_again_it_goes_on(copied: Pod, s3: S3Service) -> None:
    for number in range(30):
        (copied.volume / f"file-{number}").write_text(str(number))
    uploads = 0

    def cut(call: Call) -> Fault | None:
        nonlocal uploads
        uploads += call.operation == "PutObject"
        return Fault(delay=60.0) if uploads > 10 else None

    s3.fault = cut
    copied.start()
    until(lambda: uploads > 10, "it is in the middle of the upload")
    copied.signal(signal.SIGKILL)
    copied.ended()
    assert not buckets.checkpoints(s3), "half a copy is no checkpoint"

    s3.fault = None
    copied.start()
    until(lambda: bool(buckets.checkpoints(s3)), "it is copied")
    assert buckets.newest(s3) == {f"file-{number}": str(number).encode() for number in range(30)}


def test_an_emptied_volume_trips_the_loss_guard_and_a_right_one_releases_it(
    copied: Pod, s3: S3Service
) -> None:
    (copied.volume / "file").write_text("x" * 1000)
    copied.start()
    until(lambda: len(buckets.checkpoints(s3)) == 1, "it is copied")
    (copied.volume / "file").rename(copied.volume / ".hidden")
    until(lambda: copied.metric("agency_loss_guard") == 1, "the guard holds")

    assert copied.problems()
    assert len(buckets.checkpoints(s3)) == 1
    assert passes(copied, "guarded") >= 1
    assert copied.ready(), "it goes on serving"

    (copied.volume / ".hidden").rename(copied.volume / "file")
    until(lambda: copied.says()["ok"], "it is right again")
    assert copied.metric("agency_loss_guard") == 0
    assert [reason for reason in copied.reasons() if reason.startswith("LossGuard")] == [
        "LossGuard",
        "LossGuardReleased",
    ]


def test_a_pod_that_is_not_the_first_uploads_nothing(copied: Pod, s3: S3Service, tmp_path: Path) -> None:
    second = Pod(tmp_path / "second", ordinal=1)
    try:
        second.rclone, second.environment = copied.rclone, copied.environment
        for pod in (second, copied):
            (pod.volume / "file").write_text("x")
            pod.configure(**{**copied.config, "replicas": 2})
            pod.start()
        until(lambda: passes(copied, "unchanged") >= 2, "the first has made some passes")

        assert [passes(second, result) for result in RESULTS] == [0] * len(RESULTS)
        second.signal(signal.SIGTERM)
        assert second.ended() == 0
        assert second.log()[-1]["event"] == "stopping", "without a last copy"
    finally:
        second.close()


def test_without_rclone_it_says_so_and_serves(copied: Pod) -> None:
    copied.rclone = copied.folder / "not-there"
    copied.start()
    until(lambda: "could not be uploaded" in copied.problems(), "health says so")

    assert copied.ready()
