"""One pass after another over a volume, against the bucket."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator

import pytest

from runtime.gate.snapshot.checkpoint import CheckpointRef
from runtime.gate.snapshot.file_upload import Unsettled
from runtime.gate.snapshot.volume import Stat, Volume
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.keys import INDEX, CheckpointId
from tests.gate.snapshot.company import GRAPH, TABLE, Company, settle
from tests.s3 import Call

ELSEWHERE = CheckpointRef(region="eu-west-1", checkpoint=CheckpointId(generation=3, at=1_700_000_000_000))


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def meanwhile(monkeypatch: pytest.MonkeyPatch, scans: int, change: Callable[[], object]) -> None:
    """`change` the volume after so many more scans of it, once."""
    walk, left = Volume.walk, [scans]

    def walked(volume: Volume) -> Iterator[tuple[str, Stat]]:
        found = list(walk(volume))
        left[0] -= 1
        if left[0] == 0:
            change()
        return iter(found)

    monkeypatch.setattr(Volume, "walk", walked)


def test_a_checkpoint_names_every_file_with_size_and_hash(company: Company) -> None:
    company.write_table()
    company.write(GRAPH, b'{"nodes": []}')
    company.write("acme/notes/ü \n.txt", b"strange")
    company.write("acme/empty", b"")

    result = company.uploader().run(generation=1, base=ELSEWHERE)

    assert result.changed and result.checkpoint == company.checkpoint() == result.newest
    assert result.checkpoint.id.generation == 1 and result.checkpoint.base == ELSEWHERE
    on_volume = {str(path.relative_to(company.root)): path for path in company.root.rglob("acme/**/*")}
    assert company.restored() == {
        name: path.read_bytes() for name, path in on_volume.items() if path.is_file()
    }
    assert result.checkpoint.files[f"{TABLE}/data/file1.lance"].key == f"data/{TABLE}/data/file1.lance"
    assert result.checkpoint.files[GRAPH].key == f"objects/{result.checkpoint.files[GRAPH].sha256}"
    assert result.uploaded_bytes == sum(file.size for file in result.checkpoint.files.values())


def test_what_is_no_memory_is_not_uploaded(company: Company) -> None:
    for path in (
        ".standby/acme/graph.json",
        "lost+found/1",
        "diverged/20260101T000000000Z/graph.json",
        "acme/episodic/locks/acme.lock",
        "acme/graph.json.lock/owner",
        f"{TABLE}/data/.tmpAbC",
        f"{TABLE}/_versions/5.manifest#1",
        f"{TABLE}/_versions/latest_version_hint.json",
    ):
        company.write(path)
    company.write("acme/kept.tmp")
    (company.root / "acme" / "link").symlink_to("/etc/passwd")

    company.uploader().run(generation=0, base=None)

    assert list(company.checkpoint().files) == ["acme/kept.tmp"]


def test_nothing_new_makes_no_checkpoint_and_no_call(company: Company) -> None:
    company.write_table()
    uploader = company.uploader()
    uploader.run(generation=0, base=None)
    company.s3.calls.clear()

    result = uploader.run(generation=0, base=None)

    assert company.s3.calls == []
    assert not result.changed and result.checkpoint is None and result.newest == company.checkpoint()


@pytest.mark.parametrize("forgetful", [False, True])
def test_a_gate_that_starts_again_sends_nothing_twice(company: Company, forgetful: bool) -> None:
    company.write_table()
    company.write(GRAPH, b"{}")
    company.uploader().run(generation=0, base=None)
    company.write("acme/new")
    if forgetful:
        shutil.rmtree(company.root / ".gate")
    company.s3.calls.clear()

    result = company.uploader().run(generation=0, base=None)

    assert result.uploaded_bytes == 100
    sent = [call.key for call in company.s3.calls if call.operation == "PutObject"]
    assert len([key for key in sent if not key.endswith(INDEX)]) == 2
    assert len([call for call in company.s3.calls if call.operation.startswith("ListObjects")]) == 1


def test_what_a_killed_pass_sent_is_used_by_the_next(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.write_table()
    with monkeypatch.context() as patched:
        patched.setattr(Store, "put", killed)
        with pytest.raises(KeyboardInterrupt):
            company.uploader().run(generation=0, base=None)

    result = company.uploader().run(generation=0, base=None)

    assert result.changed and result.uploaded_bytes == 0


def test_a_manifest_that_appears_after_the_listing_is_not_named(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.write_table(versions=2)
    meanwhile(monkeypatch, 3, lambda: company.write_table(versions=3, first=3))
    uploader = company.uploader()

    first = uploader.run(generation=0, base=None).newest
    second = uploader.run(generation=0, base=None).newest

    late = f"{TABLE}/_versions/{(1 << 64) - 4}.manifest"
    assert first and late not in first.files
    assert second and late in second.files and f"{TABLE}/data/file3.lance" in second.files


def test_what_a_compaction_takes_away_during_a_pass_breaks_no_checkpoint(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.write_table(versions=1)

    def compact() -> None:
        company.write(f"{TABLE}/data/compacted.lance")
        company.write(f"{TABLE}/_versions/{(1 << 64) - 3}.manifest", b"compacted.lance")
        (company.root / TABLE / "data" / "file1.lance").unlink()

    meanwhile(monkeypatch, 2, compact)

    files = company.uploader().run(generation=0, base=None).newest

    assert files and f"{TABLE}/_versions/{(1 << 64) - 3}.manifest" in files.files
    assert f"{TABLE}/data/compacted.lance" in files.files


def test_a_table_that_loses_files_in_every_try_is_reported(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = Volume.scan
    left = list(range(1000))

    def scanned(volume: Volume) -> dict[str, Stat]:
        return {**scan(volume), f"{TABLE}/data/{left.pop()}": Stat(1, 1, 1)}

    monkeypatch.setattr(Volume, "scan", scanned)
    with pytest.raises(Unsettled, match="lost files during each of 5 passes"):
        company.uploader().run(generation=0, base=None)
    assert company.keys() == {}


def test_a_data_file_that_grows_while_it_is_sent_is_named_only_when_it_rests(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.write_table()
    growing = company.write(f"{TABLE}/data/growing.lance", b"begun")
    meanwhile(monkeypatch, 3, lambda: growing.write_bytes(b"begun and finished"))
    uploader = company.uploader()

    first = uploader.run(generation=0, base=None).newest
    second = uploader.run(generation=0, base=None).newest

    assert first and f"{TABLE}/data/growing.lance" not in first.files
    assert second and second.files[f"{TABLE}/data/growing.lance"].key.startswith("objects/")
    assert company.restored()[f"{TABLE}/data/growing.lance"] == b"begun and finished"


@pytest.mark.parametrize("forgetful", [False, True])
def test_a_key_keeps_its_content_when_the_file_was_not_finished(company: Company, forgetful: bool) -> None:
    company.write_table()
    growing = company.write(f"{TABLE}/data/growing.lance", b"begun")
    company.uploader().run(generation=0, base=None)
    growing.write_bytes(b"begun and finished")
    if forgetful:
        shutil.rmtree(company.root / ".gate")

    company.now += 1
    company.uploader().run(generation=0, base=None)

    older, newer = (company.restored(company.checkpoint(id)) for id in company.checkpoints())
    assert older[f"{TABLE}/data/growing.lance"] == b"begun"
    assert newer[f"{TABLE}/data/growing.lance"] == b"begun and finished"


def test_a_key_of_unknown_content_is_left_alone(company: Company) -> None:
    company.write_table()
    path = f"data/{TABLE}/data/file1.lance"
    company.put(path, b"?" * 1000)

    company.uploader().run(generation=0, base=None)

    assert company.content(path) == b"?" * 1000
    assert company.restored()[f"{TABLE}/data/file1.lance"] == b"1" * 1000


def test_a_rested_file_is_read_once(company: Company) -> None:
    company.write_table()
    files = [path for path in company.root.rglob("*") if path.is_file()]
    for path in files:
        settle(path)
    company.uploader().run(generation=0, base=None)
    for path in files:
        before = path.stat()
        path.write_bytes(b"?" * before.st_size)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert not company.uploader().run(generation=0, base=None).changed


@pytest.mark.parametrize("back", [1.0, 3600.0, 10_000_000.0])
def test_ids_are_in_the_order_of_states_when_the_clock_goes_back(company: Company, back: float) -> None:
    company.write("acme/file", b"1")
    first = company.uploader().run(generation=2, base=None).newest
    company.now -= back
    company.write("acme/file", b"22")
    second = company.uploader().run(generation=1, base=None).newest

    assert first and second and first.id < second.id
    assert company.restored()["acme/file"] == b"22"


def test_an_object_that_somebody_deleted_is_sent_again(company: Company) -> None:
    company.write_table()
    company.uploader().run(generation=0, base=None)
    key = f"data/{TABLE}/data/file1.lance"
    where = {"Bucket": company.s3.buckets["us-east-1"], "Key": f"{company.prefix}/{key}"}
    company.s3.client().delete_object(**where)

    company.uploader().run(generation=0, base=None)

    assert company.content(key) == b"1" * 1000


def test_a_raised_generation_is_uploaded_even_if_no_file_changed(company: Company) -> None:
    company.write("acme/file")
    uploader = company.uploader()
    uploader.run(generation=1, base=None)

    assert uploader.run(generation=2, base=None).changed
    assert [id.generation for id in company.checkpoints()] == [1, 2]


def test_no_key_but_the_index_is_ever_written_twice(company: Company) -> None:
    company.write_table(versions=1)
    for number in range(2, 6):
        company.write_table(versions=number)
        company.write(GRAPH, json.dumps({"nodes": number % 2}).encode())
        company.write(f"{TABLE}/data/growing.lance", b"x" * number)
        company.uploader().run(generation=0, base=None)
        company.now += 1

    def written(call: Call) -> bool:
        return call.operation in ("PutObject", "CompleteMultipartUpload")

    keys = [call.key for call in company.s3.calls if written(call) and not call.key.endswith(INDEX)]
    assert len(keys) == len(set(keys)) > 10
