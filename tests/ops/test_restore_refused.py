"""`python -m ops restore` when there is nothing to restore, nobody to ask, or the call is wrong."""

from __future__ import annotations

import socket

import pytest

from ops.__main__ import main
from ops.errors import FAILED, NOTHING_FOUND, WRONG_CALL
from tests.ops.snapshots import ASIA, EU, US, Snapshots, id_of, restore
from tests.s3 import Fault

FIRST, SECOND = {"c/graph.json": "{}"}, {"c/graph.json": "{1}", "a": "x" * 2048}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--company", "initech"], "initech is not in {file}; must be one of acme, Globex_Corp"),
        (["--region", "us-west-2"], "us-west-2 is not in {file}; must be one of us-east-1, eu-west-1"),
        (["--at", "now"], "--at: must be a time with its zone, such as 2026-11-23T03:00:00Z; got now"),
    ],
)
def test_a_wrong_call_says_what_is_accepted(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert restore(snapshots, *more) == WRONG_CALL
    assert message.format(file=snapshots.file) in capsys.readouterr().err
    assert snapshots.s3.calls == []


def test_a_region_of_the_stack_without_the_company_is_refused(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshots.companies = [{"name": "acme", "regions": [US, EU]}]
    assert restore(snapshots, "--region", ASIA) == WRONG_CALL
    assert f"acme is not in {ASIA}; it is in: {US}, {EU}" in capsys.readouterr().err


def test_nothing_at_or_before_the_time_names_the_oldest(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    oldest = snapshots.put(US, id_of(1, "02:00"), FIRST)
    snapshots.put(US, id_of(1, "03:00"), FIRST)
    assert restore(snapshots, "--at", "2026-11-23T01:00:00Z", "--yes") == NOTHING_FOUND
    assert f"the oldest is {oldest.id} of {US}, 2026-11-23T02:00:00Z" in capsys.readouterr().err
    assert snapshots.requests() == []


def test_without_a_complete_checkpoint_nothing_happens(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshots.put(US, id_of(1, "02:00"), SECOND, lost=("a",))
    assert restore(snapshots, "--at", "2026-11-23T03:00:00Z", "--yes") == NOTHING_FOUND
    assert (
        "none of the 1 checkpoints at or before 2026-11-23T03:00:00Z is complete" in capsys.readouterr().err
    )
    assert restore(snapshots) == NOTHING_FOUND
    assert snapshots.requests() == []


def test_a_company_without_snapshots_is_reported(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    assert restore(snapshots) == NOTHING_FOUND
    bucket = snapshots.s3.buckets[US]
    assert f"s3://{bucket} has no checkpoint of the brain of acme in {US}" in capsys.readouterr().err


def test_a_bucket_that_is_not_there_or_not_ours_is_said_to_be(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshots.s3.fault = lambda call: Fault(status=403)
    assert restore(snapshots) == FAILED
    said = capsys.readouterr().err
    assert f"refused on the bucket {snapshots.s3.buckets[US]}" in said and "ListObjectsV2" in said
    snapshots.s3.fault = None
    snapshots.file.rename(snapshots.folder / "Pulumi.other.yaml")
    arguments = ["restore", "--config", str(snapshots.folder / "Pulumi.other.yaml"), "--company", "acme"]
    assert main(arguments) == FAILED
    assert f"there is no bucket agency-test-other-{US}" in capsys.readouterr().err


def test_an_address_that_does_not_answer_is_named(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert restore(snapshots) == FAILED
    said = capsys.readouterr().err
    assert url in said and "is the network there" in said


def test_without_credentials_it_says_how_to_get_some(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert restore(snapshots) == FAILED
    said = capsys.readouterr().err
    assert "no AWS credentials" in said and "AWS_PROFILE" in said and "aws sso login" in said
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert restore(snapshots) == FAILED
    assert "nobody" in capsys.readouterr().err
