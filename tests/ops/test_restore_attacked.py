"""`python -m ops restore` from a bucket in which somebody means harm."""

from __future__ import annotations

from typing import Any

import pytest

from ops.errors import DONE, NOT_CONFIRMED, NOTHING_FOUND, WRONG_CALL
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.storage.keys import CheckpointId
from tests.ops.snapshots import EU, US, Snapshots, at, id_of, restore
from tests.s3 import Fault

REQUEST = f"{US}/acme/brain/_orders/restore.json"
FIRST, SECOND = {"c/graph.json": "{}"}, {"c/graph.json": "{1}", "a": "x" * 2048}
AT = ("--at", "2026-11-23T03:00:00Z", "--yes", "--no-wait")


def requested(snapshots: Snapshots) -> str:
    checkpoint: str = snapshots.read(US, REQUEST)["checkpoint"]
    return checkpoint


def overwrite(snapshots: Snapshots, key: str, body: bytes | None = None) -> None:
    """With zeros of the same size, today."""
    where = {"Bucket": snapshots.s3.buckets[US], "Key": f"{US}/acme/brain/{key}"}
    size = snapshots.s3.client().head_object(**where)["ContentLength"]
    snapshots.s3.client().put_object(**where, Body=bytes(size) if body is None else body)


def delete(snapshots: Snapshots, key: str) -> None:
    snapshots.s3.client().delete_object(Bucket=snapshots.s3.buckets[US], Key=f"{US}/acme/brain/{key}")


def forge(snapshots: Snapshots, good: Checkpoint, id: CheckpointId) -> None:
    """A checkpoint that somebody writes today."""
    text = good.dump().replace(f'"generation": {good.id.generation}', f'"generation": {id.generation}')
    where = {"Bucket": snapshots.s3.buckets[US], "Key": f"{US}/acme/brain/{id.key}"}
    snapshots.s3.client().put_object(**where, Body=text.encode())


def test_a_checkpoint_that_was_stored_later_than_its_name_says_was_not_there_then(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    good = snapshots.put(US, id_of(1, "02:00"), FIRST)
    forged = id_of(2, "02:30")
    forge(snapshots, good, forged)
    assert restore(snapshots, *AT) == DONE
    assert requested(snapshots) == str(good.id)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "skipped" in line]
    assert line.startswith(str(forged)) and "skipped: stored at 20" in line


@pytest.mark.parametrize("id", [CheckpointId(generation=1, at=4_000_000_000_000), id_of(5000, "02:30")])
def test_one_whose_name_cannot_be_true_is_shown_and_refused(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str], id: CheckpointId
) -> None:
    good = snapshots.put(US, id_of(1, "02:00"), FIRST)
    forge(snapshots, good, id)
    assert restore(snapshots) == DONE
    assert f"{id}" in (said := capsys.readouterr().out) and "refused: its name cannot be true" in said
    assert "1 of 2 can be restored" in said
    assert restore(snapshots, "--checkpoint", str(id), "--yes", "--no-wait") == NOTHING_FOUND
    assert f"--checkpoint: {id} is refused" in capsys.readouterr().err
    assert snapshots.requests() == []
    assert restore(snapshots, "--at", "2126-11-23T03:00:00Z", "--yes", "--no-wait") == DONE
    assert requested(snapshots) == str(good.id)


def test_a_named_checkpoint_is_restored_whatever_is_newer(snapshots: Snapshots) -> None:
    snapshots.put(US, id_of(1, "02:00"), FIRST)
    wanted = snapshots.put(US, id_of(1, "02:10"), SECOND)
    snapshots.put(US, id_of(2, "02:20"), FIRST)
    assert restore(snapshots, "--checkpoint", str(wanted.id), "--yes", "--no-wait") == DONE
    assert requested(snapshots) == str(wanted.id)


def test_a_named_checkpoint_has_to_be_there_and_to_be_one(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    good = snapshots.put(US, id_of(1, "02:00"), FIRST)
    snapshots.put(EU, good.id, FIRST, bucket=US)
    assert restore(snapshots, "--checkpoint", "yesterday", "--yes") == WRONG_CALL
    assert "--checkpoint: must be an id, such as" in capsys.readouterr().err
    assert restore(snapshots, "--checkpoint", str(id_of(1, "09:00")), "--yes") == NOTHING_FOUND
    assert restore(snapshots, "--checkpoint", str(good.id), "--yes") == NOTHING_FOUND
    assert f"must be one of {US}/{good.id}, {EU}/{good.id}" in capsys.readouterr().err
    assert restore(snapshots, "--checkpoint", f"{EU}/{good.id}", "--yes", "--no-wait") == DONE
    assert snapshots.read(US, REQUEST)["region"] == EU


def test_objects_are_read_and_not_only_measured(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = snapshots.put(US, id_of(1, "02:00"), FIRST)
    damaged = snapshots.put(US, id_of(1, "02:30"), SECOND)
    overwrite(snapshots, damaged.files["a"].key)
    assert restore(snapshots, *AT) == DONE
    assert requested(snapshots) == str(whole.id)
    said = capsys.readouterr().out
    assert f"verifying {damaged.id}: 2 objects, 2.0 KiB" in said
    assert f"skipped: 1 of 2 objects damaged, such as {damaged.files['a'].key}" in said
    assert restore(snapshots, "--checkpoint", str(damaged.id), "--yes", "--no-wait") == NOTHING_FOUND
    assert "1 of 2 objects damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"region": 1, "generation": 1, "files": {}}',
        b'{"region": "us-east-1", "generation": true, "files": {}}',
        b'{"region": "us-east-1", "generation": 1, "files": {"../../x": {"key": "x", "size": 1}}}',
        b'{"region": "\\u001b[2J", "generation": 1, "files": {}}',
        b'{"region": "us-east-1", "generation": 1, "files": []}',
        b"\xff\xfe",
        b"",
    ],
)
def test_a_checkpoint_that_is_none_is_one_row(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    good = snapshots.put(US, id_of(1, "02:00"), FIRST)
    bad = snapshots.put(US, id_of(1, "02:30"), SECOND)
    snapshots.s3.clock.now = lambda: at("02:30") / 1000
    overwrite(snapshots, bad.id.key, body)
    assert restore(snapshots) == DONE
    assert restore(snapshots, "--at", "2026-11-23T04:00:00Z", "--yes", "--no-wait") == DONE
    assert requested(snapshots) == str(good.id)
    said = capsys.readouterr()
    assert all(each.isprintable() or each == "\n" for each in said.out + said.err)


@pytest.mark.parametrize(
    "request_",
    [b"", b"[]", b"\xff", b'{"order": 7}', b'{"order": "9' + b"9" * 5000 + b'"}', b'{"order": "\\ud800"}'],
)
def test_a_request_that_is_none_does_not_count(snapshots: Snapshots, request_: bytes) -> None:
    good = snapshots.put(US, id_of(1, "02:00"), FIRST)
    snapshots.s3.client().put_object(Bucket=snapshots.s3.buckets[US], Key=REQUEST, Body=request_)
    assert restore(snapshots, *AT) == DONE
    assert requested(snapshots) == str(good.id)


def test_an_object_that_s3_does_not_hand_out_is_one_damaged_object(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    """Encrypted with somebody's key, or archived."""
    good = snapshots.put(US, id_of(1, "02:00"), FIRST)
    locked, partly = snapshots.put(US, id_of(1, "02:30"), FIRST), snapshots.put(US, id_of(1, "02:20"), SECOND)
    keys = (locked.id.key, partly.files["a"].key)

    def fault(call: Any) -> Fault | None:
        return Fault(status=403) if call.operation == "GetObject" and call.key.endswith(keys) else None

    snapshots.s3.fault = fault
    assert restore(snapshots, *AT) == DONE
    assert requested(snapshots) == str(good.id)
    said = capsys.readouterr().out
    assert "unreadable: S3 does not hand it out" in said and "1 of 2 objects damaged" in said


def test_what_was_overwritten_deleted_or_hidden_is_restored_from_old_versions(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    good = snapshots.put(US, id_of(1, "02:00"), SECOND)
    snapshots.put(US, id_of(1, "02:30"), FIRST)
    graph, other = good.files["c/graph.json"].key, good.files["a"].key
    overwrite(snapshots, graph)
    delete(snapshots, other)
    overwrite(snapshots, good.id.key)
    overwrite(snapshots, good.id.key, b"{}")
    forge(snapshots, good, id_of(9, "02:10"))
    assert restore(snapshots, "--at", "2026-11-23T02:10:00Z", "--yes") == NOTHING_FOUND
    assert "--versions-at 2026-11-23T02:10:00Z" in capsys.readouterr().err

    options = ("--versions-at", "2026-11-23T02:10:00Z")
    assert restore(snapshots, *options) == NOT_CONFIRMED
    said = capsys.readouterr()
    assert f"3 objects of s3://{snapshots.s3.buckets[US]} will be copied from their old versions" in said.out
    assert "(1 hidden by a delete marker, 2 overwritten since):" in said.out
    assert f"{US}/acme/brain/{other}: version " in said.out
    assert "of 2026-11-23T02:00:00Z (hidden by a delete marker)" in said.out
    assert "3 objects are copied from their old versions, then the brain of acme" in said.err
    assert not [call for call in snapshots.s3.calls if call.operation == "CopyObject"]

    assert restore(snapshots, *options, "--yes", "--no-wait") == DONE
    assert requested(snapshots) == str(good.id)
    bucket, client = snapshots.s3.buckets[US], snapshots.s3.client()
    for path, content in SECOND.items():
        key = f"{US}/acme/brain/{good.files[path].key}"
        assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == content.encode()
    copies_made = len([call for call in snapshots.s3.calls if call.operation == "CopyObject"])
    assert copies_made == 3

    assert restore(snapshots, *options, "--yes", "--no-wait") == DONE
    assert "nothing has to be repaired" in capsys.readouterr().out
    assert len([call for call in snapshots.s3.calls if call.operation == "CopyObject"]) == copies_made


def test_everything_deleted_is_restored_from_old_versions(snapshots: Snapshots) -> None:
    good = snapshots.put(US, id_of(1, "02:00"), SECOND)
    for key in snapshots.s3.keys(US):
        delete(snapshots, key.removeprefix(f"{US}/acme/brain/"))
    assert restore(snapshots) == NOTHING_FOUND
    assert restore(snapshots, "--versions-at", "2026-11-23T02:10:00Z", "--yes", "--no-wait") == DONE
    assert requested(snapshots) == str(good.id)


def test_a_list_of_changes_is_restored_from_old_versions_with_the_whole_list_on_which_it_builds(
    snapshots: Snapshots,
) -> None:
    whole = snapshots.put(US, id_of(1, "01:00"), FIRST)
    good = snapshots.put(US, id_of(1, "02:00"), SECOND, since=whole)
    snapshots.put(US, id_of(1, "02:30"), FIRST)
    overwrite(snapshots, whole.name.key, b"{}")
    delete(snapshots, good.name.key)
    options = ("--yes", "--no-wait")
    assert restore(snapshots, "--checkpoint", str(good.id), *options) == NOTHING_FOUND
    assert restore(snapshots, "--versions-at", "2026-11-23T02:10:00Z", *options) == DONE
    assert requested(snapshots) == str(good.id)
    copied = [call.key for call in snapshots.s3.calls if call.operation == "CopyObject"]
    assert copied == [f"{US}/acme/brain/{each.name.key}" for each in (whole, good)]

    overwrite(snapshots, good.name.key, b"{}")
    assert restore(snapshots, "--checkpoint", str(good.id), *options) == NOTHING_FOUND
    assert restore(snapshots, "--versions-at", "2026-11-23T02:10:00Z", *options) == DONE
    assert restore(snapshots, "--checkpoint", str(good.id), *options) == DONE


def test_a_checkpoint_without_good_versions_is_skipped(
    snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    older = snapshots.put(US, id_of(1, "01:00"), FIRST)
    lost = snapshots.put(US, id_of(1, "02:00"), SECOND)
    key = f"{US}/acme/brain/{lost.files['a'].key}"
    client, bucket = snapshots.s3.client(), snapshots.s3.buckets[US]
    (version,) = client.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    client.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])
    options = ("--versions-at", "2026-11-23T02:10:00Z", "--yes", "--no-wait")
    assert restore(snapshots, *options) == DONE
    assert requested(snapshots) == str(older.id)
    assert "no version of 1 objects is right, such as objects/" in capsys.readouterr().out
    assert restore(snapshots, "--versions-at", "2026-11-23T00:10:00Z", "--yes") == NOTHING_FOUND


def test_the_number_of_a_request_is_s3_s_time(snapshots: Snapshots) -> None:
    snapshots.put(US, id_of(1, "02:00"), FIRST)
    snapshots.s3.clock.now = lambda: at("05:00") / 1000
    assert restore(snapshots, *AT) == DONE
    assert abs(int(snapshots.read(US, REQUEST)["order"]) - at("05:00")) < 2000
