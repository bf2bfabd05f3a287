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


def test_what_is_written_is_in_the_bucket_and_the_lag_falls(replicated: Pod, s3: S3Service) -> None:
    (replicated.volume / "acme").mkdir()
    (replicated.volume / "acme" / "graph.json").write_text("{}")
    replicated.start()
    until(lambda: buckets.newest(s3) == {"acme/graph.json": b"{}"}, "it is uploaded")

    (replicated.volume / "acme" / "graph.json").write_text('{"a": 1}')
    until(lambda: buckets.newest(s3) == {"acme/graph.json": b'{"a": 1}'}, "the change is uploaded")
    until(lambda: passes(replicated, "unchanged") > 0, "a pass without a change makes no checkpoint")
    assert passes(replicated, "ok") == len(buckets.checkpoints(s3)) == 2
    assert passes(replicated, "error") == 0
    assert (
        replicated.metric("agency_checkpoint_timestamp_seconds") == buckets.checkpoints(s3)[-1].id.at / 1000
    )
    assert replicated.metric("agency_copy_bytes_total") >= len("{}" + '{"a": 1}')
    assert replicated.says()["ok"]
    assert not s3.refused


def test_another_interval_takes_effect_without_a_restart(replicated: Pod, s3: S3Service) -> None:
    replicated.configure(syncInterval=100_000)
    (replicated.volume / "file").write_text("x")
    replicated.start()
    until(replicated.ready, "it is ready")
    assert not buckets.checkpoints(s3), "the first pass is hours away"

    replicated.configure(syncInterval=1)
    until(lambda: buckets.newest(s3) == {"file": b"x"}, "it is uploaded")
    (replicated.volume / "file").write_text("y")
    until(lambda: buckets.newest(s3) == {"file": b"y"}, "and again")
    assert [line["event"] for line in replicated.log()].count("serving") == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(SLOW_DOWN, "unreachable"), (REFUSED, "refused"), (CUT, "unreachable")],
    ids=["503", "403", "cut"],
)
def test_while_s3_fails_the_lag_grows_and_health_says_why_and_then_it_catches_up(
    replicated: Pod, s3: S3Service, fault: Fault, kind: str
) -> None:
    (replicated.volume / "file").write_text("before")
    replicated.start()
    until(lambda: buckets.newest(s3) == {"file": b"before"}, "it is uploaded")

    s3.fault = lambda call: fault
    (replicated.volume / "file").write_text("meanwhile")
    until(
        lambda: replicated.metric("agency_copy_errors_total", kind=kind) >= 2,
        "passes fail, and are tried again",
    )
    assert f"could not be uploaded ({kind})" in replicated.problems()
    lag = replicated.metric("agency_copy_lag_seconds")
    until(lambda: replicated.metric("agency_copy_lag_seconds") > lag + 1, "the lag grows")
    assert replicated.ready() and replicated.status("/live") == 200, "who serves does not depend on S3"
    assert replicated.reasons().count("CopyFailed") == 1, "told once, not at each pass"

    s3.fault = None
    until(lambda: buckets.newest(s3) == {"file": b"meanwhile"}, "it catches up by itself")
    until(lambda: replicated.says()["ok"], "and is well")
    assert replicated.metric("agency_copy_lag_seconds") < lag
    assert replicated.reasons().count("CopyRecovered") == 1


def test_it_serves_when_s3_is_away_from_the_start(replicated: Pod, s3: S3Service) -> None:
    s3.fault = lambda call: CUT
    (replicated.volume / "file").write_text("x")
    replicated.start()
    until(replicated.ready, "it is ready")

    until(lambda: "could not be uploaded" in replicated.problems(), "health says so all the same")


def test_a_slow_s3_makes_a_long_pass_that_neither_readiness_nor_liveness_wait_for(
    replicated: Pod, s3: S3Service
) -> None:
    (replicated.volume / "file").write_text("x")
    s3.fault = lambda call: Fault(delay=4.0)
    replicated.start()
    until(lambda: len(s3.calls) > 0, "a pass is under way")
    for target in ("/ready", "/live", "/health", "/metrics", "/events"):
        replicated.get(target)
    assert replicated.ready()
    assert not buckets.checkpoints(s3)

    until(lambda: buckets.newest(s3) == {"file": b"x"}, "slowly, but it is uploaded")


def test_a_lag_beyond_bounds_is_bad_health_even_when_no_pass_fails(replicated: Pod, s3: S3Service) -> None:
    """A pass that hangs fails nothing; the lag tells."""
    mark = replicated.volume / ".gate" / "copied"
    mark.parent.mkdir()
    mark.touch()
    os.utime(mark, (0, 0))
    replicated.configure(syncInterval=100_000)
    replicated.start()

    assert "old; the interval is 100000 s" in replicated.problems()
    replicated.configure(syncInterval=1)
    until(lambda: replicated.says()["ok"], "a pass has been made")


def test_on_sigterm_it_waits_for_the_application_and_uploads_what_it_wrote_last(
    replicated: Pod, s3: S3Service, tmp_path: Path
) -> None:
    """On a node that is drained the gate may get SIGTERM before the application has ended."""
    replicated.configure(syncInterval=100_000)
    writer = Writer(replicated.volume / "acme", tmp_path)
    try:
        replicated.start()
        replicated.signal(signal.SIGTERM)
        writer.terminate()
        until(lambda: replicated.log()[-1]["event"] == "awaiting-application", "it waits")
        assert replicated.log()[-1]["running"] >= 1
        assert not buckets.checkpoints(s3)
        writer.end()

        assert replicated.ended() == 0
    finally:
        writer.kill()
    stored = buckets.newest(s3)
    assert stored["acme/last-words"] == b"these must not be lost"
    assert stored == {
        f"acme/{file.name}": file.read_bytes() for file in (replicated.volume / "acme").iterdir()
    }
    assert replicated.log()[-1]["reason"] == "Stopped"


def test_on_sigterm_in_the_middle_of_a_pass_it_ends_that_and_makes_the_last(
    replicated: Pod, s3: S3Service
) -> None:
    (replicated.volume / "file").write_text("x")
    s3.fault = slow_uploads
    replicated.start()
    until(lambda: uploading(s3), "a pass is under way")
    s3.fault = None
    replicated.signal(signal.SIGTERM)

    assert replicated.ended() == 0
    assert "copy-interrupted" in [line["event"] for line in replicated.log()]
    assert buckets.newest(s3) == {"file": b"x"}


def test_a_change_of_role_ends_a_pass_and_begins_another(replicated: Pod, s3: S3Service) -> None:
    (replicated.volume / "file").write_text("x")
    s3.fault = slow_uploads
    replicated.start()
    until(lambda: uploading(s3), "a pass is under way")
    s3.fault = None
    replicated.flag(REGION)

    until(lambda: buckets.newest(s3) == {"file": b"x"}, "it is uploaded")
    assert passes(replicated, "interrupted") == 1
    assert passes(replicated, "error") == 0


def test_a_demoted_region_uploads_at_once_what_was_written_last(replicated: Pod, s3: S3Service) -> None:
    (replicated.volume / "file").write_text("x")
    replicated.configure(syncInterval=100_000)
    replicated.start()
    until(replicated.ready, "it serves")
    replicated.flag(REGION)

    until(lambda: buckets.newest(s3) == {"file": b"x"}, "it is uploaded, hours before its time")


def test_a_last_upload_that_fails_is_reported_and_ends_with_1(replicated: Pod, s3: S3Service) -> None:
    (replicated.volume / "file").write_text("x")
    s3.fault = lambda call: SLOW_DOWN
    replicated.start()
    replicated.signal(signal.SIGTERM)

    assert replicated.ended() == 1
    entry = replicated.log()[-1]
    assert (entry["reason"], entry["level"]) == ("StoppedUncopied", "warning")


def test_killed_in_a_pass_and_started_again_it_goes_on(replicated: Pod, s3: S3Service) -> None:
    for number in range(30):
        (replicated.volume / f"file-{number}").write_text(str(number))
    uploads = 0

    def cut(call: Call) -> Fault | None:
        nonlocal uploads
        uploads += call.operation == "PutObject"
        return Fault(delay=60.0) if uploads > 10 else None

    s3.fault = cut
    replicated.start()
    until(lambda: uploads > 10, "it is in the middle of the upload")
    replicated.signal(signal.SIGKILL)
    replicated.ended()
    assert not buckets.checkpoints(s3), "half a copy is no checkpoint"

    s3.fault = None
    replicated.start()
    until(lambda: bool(buckets.checkpoints(s3)), "it is uploaded")
    assert buckets.newest(s3) == {f"file-{number}": str(number).encode() for number in range(30)}


def test_an_emptied_volume_trips_the_loss_guard_and_a_right_one_releases_it(
    replicated: Pod, s3: S3Service
) -> None:
    (replicated.volume / "file").write_text("x" * 1000)
    replicated.start()
    until(lambda: len(buckets.checkpoints(s3)) == 1, "it is uploaded")
    (replicated.volume / "file").rename(replicated.volume / ".hidden")
    until(lambda: replicated.metric("agency_loss_guard") == 1, "the guard holds")

    assert replicated.problems()
    assert len(buckets.checkpoints(s3)) == 1
    assert passes(replicated, "guarded") >= 1
    assert replicated.ready(), "it goes on serving"

    (replicated.volume / ".hidden").rename(replicated.volume / "file")
    until(lambda: replicated.says()["ok"], "it is right again")
    assert replicated.metric("agency_loss_guard") == 0
    assert [reason for reason in replicated.reasons() if reason.startswith("LossGuard")] == [
        "LossGuard",
        "LossGuardReleased",
    ]


def test_a_pod_that_is_not_the_first_uploads_nothing(replicated: Pod, s3: S3Service, tmp_path: Path) -> None:
    second = Pod(tmp_path / "second", ordinal=1)
    try:
        second.rclone, second.environment = replicated.rclone, replicated.environment
        for pod in (second, replicated):
            (pod.volume / "file").write_text("x")
            pod.configure(**{**replicated.config, "replicas": 2})
            pod.start()
        until(lambda: passes(replicated, "unchanged") >= 2, "the first has made some passes")

        assert [passes(second, result) for result in RESULTS] == [0] * len(RESULTS)
        second.signal(signal.SIGTERM)
        assert second.ended() == 0
        assert second.log()[-1]["event"] == "stopping", "without a last copy"
    finally:
        second.close()


def test_without_rclone_it_says_so_and_serves(replicated: Pod) -> None:
    replicated.rclone = replicated.folder / "not-there"
    replicated.start()
    until(lambda: "could not be uploaded" in replicated.problems(), "health says so")

    assert replicated.ready()
