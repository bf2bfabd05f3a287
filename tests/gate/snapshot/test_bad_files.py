"""One bad file is one bad file: it is named, all others are uploaded, and its last good version stays."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path

import pytest

from runtime.gate.events import EventLog
from runtime.gate.snapshot import file_upload, volume
from runtime.gate.snapshot.schedule import UploadSchedule
from runtime.gate.snapshot.upload import UploadResult
from runtime.metrics import Metrics
from tests.gate.snapshot.company import GRAPH, TABLE, QuickCompany, settle

LOG = "acme/app.log"
Deny = Callable[[str, int], None]


@pytest.fixture
def deny(monkeypatch: pytest.MonkeyPatch) -> Deny:
    """Makes a file unreadable, for root too."""
    denied: dict[str, int] = {}
    original = volume.open_below

    def opened(root: Path, path: str) -> FileIO:
        if path in denied:
            raise OSError(denied[path], os.strerror(denied[path]), path)
        return original(root, path)

    monkeypatch.setattr(volume, "open_below", opened)
    return denied.__setitem__


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Says how many bytes are free on the volume."""

    def set_free(size: int) -> None:
        monkeypatch.setattr(volume.Volume, "free_bytes", lambda _: size)

    return set_free


def upload(company: QuickCompany) -> UploadResult:
    company.now += 60
    return company.uploader().run(generation=0, base=None)


@pytest.mark.parametrize("error", [errno.EACCES, errno.EIO])
def test_a_file_that_cannot_be_read_is_named_and_all_others_are_uploaded(
    quick: QuickCompany, deny: Deny, error: int
) -> None:
    quick.write(LOG, b"first")
    quick.write("acme/never-read", b"never")
    deny("acme/never-read", error)
    assert upload(quick).failed == {"acme/never-read": os.strerror(error)}
    deny(LOG, error)
    quick.write(LOG, b"second")
    quick.write(GRAPH, b"{}")
    result = upload(quick)

    assert result.failed.keys() == {LOG, "acme/never-read"} and result.guarded is None
    assert quick.restored() == {LOG: b"first", GRAPH: b"{}"}


def test_a_table_with_a_file_that_cannot_be_read_stays_as_it_was_as_a_whole(
    quick: QuickCompany, deny: Deny
) -> None:
    quick.write_table()
    quick.write_table("globex/x.lance")
    upload(quick)
    before = {path: data for path, data in quick.restored().items() if path.startswith(TABLE)}
    quick.write_table(versions=3, first=3)
    quick.write_table("globex/x.lance", versions=3, first=3)
    quick.write_table("initech/x.lance")
    for path in (f"{TABLE}/data/file3.lance", "initech/x.lance/data/file1.lance"):
        deny(path, errno.EACCES)
    result = upload(quick)

    assert len(result.failed) == 2 and result.guarded is None
    restored = quick.restored()
    assert {path: data for path, data in restored.items() if path.startswith(TABLE)} == before
    assert "globex/x.lance/data/file3.lance" in restored
    assert not any(path.startswith("initech/") for path in restored)


def test_a_folder_that_cannot_be_read_keeps_what_was_uploaded_of_it(
    quick: QuickCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick.write("acme/closed/file", b"x" * 1000)
    quick.write(GRAPH, b"{}")
    upload(quick)
    scandir = os.scandir

    def denied(folder: Path) -> object:
        if "closed" in str(folder):
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", denied)
    quick.write(GRAPH, b'{"a": 1}')
    result = upload(quick)

    assert result.failed == {"acme/closed": "Permission denied"} and result.guarded is None
    assert quick.restored() == {"acme/closed/file": b"x" * 1000, GRAPH: b'{"a": 1}'}


def test_a_path_that_is_too_long_for_a_key_is_stored_under_its_hash(quick: QuickCompany) -> None:
    long = "/".join(["d" * 200] * 5)
    quick.write_table(f"{long}/x.lance")
    upload(quick)

    assert max(map(len, quick.keys())) < 900
    assert len(quick.restored()) == 6


def test_a_file_that_is_too_large_to_be_copied_aside_is_uploaded_from_where_it_is(
    quick: QuickCompany, free: Callable[[int], None]
) -> None:
    settle(quick.write(LOG, b"x" * 10_000))
    settle(quick.write(GRAPH, b'{"a": 1}'))
    settle(quick.write("globex/graph.json", b'{"a'))
    free(file_upload.KEPT_FREE_BYTES + 5)
    result = upload(quick)

    assert result.failed == {}
    assert quick.restored() == {LOG: b"x" * 10_000, GRAPH: b'{"a": 1}'}, "a graph only when it parses"


def test_a_log_that_grows_while_there_is_no_space_for_a_copy_keeps_its_last_version(
    quick: QuickCompany, free: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = quick.write(LOG, b"first")
    quick.write(GRAPH, b"{}")
    upload(quick)
    free(0)
    log.write_bytes(b"first, second")
    put = quick.bucket.put

    def while_it_grows(key: str, data: bytes) -> None:
        if data.startswith(b"first"):
            log.write_bytes(b"first, second, third")
        put(key, data)

    monkeypatch.setattr(quick.bucket, "put", while_it_grows)
    quick.write("acme/new", b"new")
    result = upload(quick)

    assert result.failed.keys() == {LOG} and result.guarded is None
    assert quick.restored() == {LOG: b"first", GRAPH: b"{}", "acme/new": b"new"}
    monkeypatch.setattr(quick.bucket, "put", put)
    assert upload(quick).failed == {}
    assert quick.restored()[LOG] == b"first, second, third"


def test_bad_files_are_an_alarm_until_they_can_be_read(
    quick: QuickCompany, deny: Deny, tmp_path: Path
) -> None:
    quick.write(GRAPH, b"{}")
    deny("acme/a\nb", errno.EACCES)
    quick.write("acme/a\nb")
    metrics = Metrics()
    events = EventLog(metrics)
    schedule = UploadSchedule(tmp_path / "copied", events, metrics)
    assert schedule.run(lambda: upload(quick)), "the pass succeeded"
    assert schedule.run(lambda: upload(quick))

    (event,) = events.after(0)
    assert event["reason"] == "FilesLeftOut" and "acme/a\\nb (Permission denied)" in event["message"]
    assert "\nagency_files_left_out 1" in metrics.text()
    (quick.root / "acme/a\nb").unlink()
    assert schedule.run(lambda: upload(quick))
    assert [event["reason"] for event in events.after(0)] == ["FilesLeftOut", "FilesReadable"]
    assert json.loads(quick.restored()[GRAPH]) == {}
