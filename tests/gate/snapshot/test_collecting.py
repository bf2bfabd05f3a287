"""Thinning and collecting, against the bucket."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from runtime.contracts.gate import Retention
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.snapshot.collector import UNNAMED_FILE, Collector
from runtime.gate.storage.errors import Refused, StoreError
from runtime.gate.storage.keys import DATA, OBJECTS, CheckpointId, CheckpointName
from tests.gate.snapshot.company import GRAPH, TABLE, QuickCompany

HOUR = 3600.0
BRIEF = Retention(all_hours=1, hourly_hours=3, daily_days=2)


def objects(quick: QuickCompany) -> set[str]:
    stored = quick.keys()
    return {key for key in stored if key.startswith((f"{DATA}/", f"{OBJECTS}/"))}


def refuse_deletions(what: str, key: str) -> None:
    if what == "delete":
        raise Refused(f"refused: {key}")


def is_whole(quick: QuickCompany, checkpoint: Checkpoint) -> bool:
    stored = quick.keys()
    return all(stored.get(file.key) == file.size for file in checkpoint.files.values())


@pytest.mark.parametrize(
    "record",
    [
        *(b"", b"[]", b"[" * 100_000, b'{"at": 1e999, "unnamed": {}}', b'{"at": 1, "unnamed": {"a": 1e999}}'),
        *(b'{"at": 1, "unnamed": []}', b'{"at": true, "unnamed": {}}', b'{"at": 1, "unnamed": {"a": -1}}'),
    ],
)
def test_a_damaged_record_only_lets_objects_live_longer(tmp_path: Path, record: bytes) -> None:
    (tmp_path / UNNAMED_FILE).write_bytes(record)
    assert Collector(tmp_path).is_due(1_800_000_000_000)


def test_days_of_changes_leave_every_checkpoint_whole_and_no_object_goes_in_its_first_day(
    quick: QuickCompany,
) -> None:
    """Half of the runs begin with a gate that has just started, some of those without its memory."""
    chance = random.Random(4)
    uploader = quick.uploader(BRIEF)
    named_at: dict[str, float] = {}
    for number in range(200):
        quick.write(GRAPH, b'{"nodes": [%d]}' % number)
        quick.write(f"{TABLE}/data/{number}.lance", b"%d" % number)
        quick.write(f"{TABLE}/_versions/{number + 1}.manifest", b"%d.lance" % number)
        for path in sorted((quick.root / TABLE).rglob(f"*{number - 5}.*") if number > 5 else []):
            path.unlink()
        quick.accept_shrink(quick.checkpoints()[-1]) if number else None
        if chance.random() < 0.3:
            uploader = quick.uploader(BRIEF)
        assert uploader.run(generation=0, base=None).uncollected is None
        assert all(is_whole(quick, quick.checkpoint(id)) for id in quick.checkpoints())
        named_at |= dict.fromkeys((file.key for file in quick.checkpoint().files.values()), quick.now)
        gone = set(named_at) - objects(quick)
        assert all(quick.now - named_at[key] >= 24 * HOUR for key in gone)
        quick.now += chance.choice([60.0, 600.0, HOUR, 2 * HOUR])

    assert set(named_at) - objects(quick), "something was collected"
    assert len(quick.checkpoints()) < 20


def test_diverged_files_and_requests_are_never_touched(quick: QuickCompany) -> None:
    kept = ("diverged/20260101T000000000Z/acme/graph.json", "_orders/restore.json", "_checkpoints/notes.txt")
    for key in kept:
        quick.put(key, b"{}")
    quick.put("objects/nobody-names-this", b"x")
    uploader = quick.uploader(BRIEF)
    for number in range(30):
        quick.write("acme/file", b"%d" % number)
        uploader.run(generation=0, base=None)
        quick.now += 2 * HOUR

    assert {*kept} <= quick.keys().keys()
    assert not {"objects/nobody-names-this"} & objects(quick)


def test_the_loss_guard_stops_thinning_and_collecting(quick: QuickCompany) -> None:
    quick.write(GRAPH, b'{"nodes": "many"}')
    uploader = quick.uploader(BRIEF)
    uploader.run(generation=0, base=None)
    quick.now += 1
    quick.write(GRAPH, b'{"nodes": "some"}')
    uploader.run(generation=0, base=None)
    shutil.rmtree(quick.root / "acme")
    before = quick.keys()

    for _ in range(30):
        quick.now += 2 * HOUR
        assert uploader.run(generation=0, base=None).guarded

    assert quick.keys() == before
    assert not quick.bucket.calls["delete"]


def test_it_runs_once_an_hour_also_for_a_gate_that_starts_often(quick: QuickCompany) -> None:
    quick.write("acme/file")
    quick.uploader().run(generation=0, base=None)

    def runs(seconds: float) -> bool:
        quick.now += seconds
        before = (quick.root / ".gate" / UNNAMED_FILE).read_bytes()
        quick.uploader().run(generation=0, base=None)
        return (quick.root / ".gate" / UNNAMED_FILE).read_bytes() != before

    assert [runs(60.0), runs(60.0), runs(HOUR), runs(60.0)] == [False, False, True, False]
    assert runs(-10 * HOUR), "a clock that went back"


def test_to_collect_lists_the_bucket_a_few_times_a_day(quick: QuickCompany) -> None:
    uploader = quick.uploader(BRIEF)
    for number in range(100):
        quick.write("acme/file", b"%d" % number)
        uploader.run(generation=0, base=None)
        quick.now += HOUR

    assert quick.bucket.calls["delete"] and quick.bucket.calls["list"] <= 1 + 100 / 6


def test_what_somebody_deleted_in_the_bucket_is_sent_again(quick: QuickCompany) -> None:
    uploader = quick.uploader(BRIEF)
    quick.write("acme/file", b"content")
    uploader.run(generation=0, base=None)
    for key in objects(quick):
        del quick.bucket.objects[key]
    for _ in range(8):
        quick.now += HOUR
        uploader.run(generation=0, base=None)

    assert quick.restored() == {"acme/file": b"content"}


def test_a_checkpoint_that_cannot_be_read_stops_collecting_and_is_reported(quick: QuickCompany) -> None:
    quick.write("acme/file", b"1")
    uploader = quick.uploader(Retention(all_hours=1000))
    uploader.run(generation=0, base=None)
    damaged = quick.checkpoints()[0]
    quick.now += 1
    quick.write("acme/file", b"2")
    uploader.run(generation=0, base=None)
    quick.put(damaged.key, b"{")
    before = objects(quick)

    for _ in range(40):
        quick.now += HOUR
        result = uploader.run(generation=0, base=None)
        assert result.uncollected and str(damaged) in result.uncollected and result.newest

    assert objects(quick) == before


def test_a_snapshot_is_good_though_nothing_may_be_deleted(quick: QuickCompany) -> None:
    quick.bucket.fault = refuse_deletions
    uploader = quick.uploader(BRIEF)
    results = []
    for number in range(8):
        quick.write("acme/file", b"%d" % number)
        results.append(uploader.run(generation=0, base=None))
        quick.now += HOUR / 2

    assert all(result.changed for result in results)
    assert any(result.uncollected and "refused" in result.uncollected for result in results)
    assert quick.restored() == {"acme/file": b"7"}


def test_a_collector_that_is_stopped_in_the_middle_goes_on_later(quick: QuickCompany) -> None:
    uploader = quick.uploader(BRIEF)

    def fault(what: str, key: str) -> None:
        if what == "delete" and quick.bucket.calls["delete"] % 2:
            refuse_deletions(what, key)

    for number in range(80):
        quick.write("acme/file", b"%d" % number)
        quick.bucket.fault = fault if number < 40 else lambda what, key: None
        uploader.run(generation=0, base=None)
        assert all(is_whole(quick, quick.checkpoint(id)) for id in quick.checkpoints())
        quick.now += HOUR

    assert len(objects(quick)) < 40 and len(quick.checkpoints()) < 10


def test_what_a_collector_deleted_is_sent_again_when_it_is_needed(quick: QuickCompany) -> None:
    uploader = quick.uploader(BRIEF)
    for number in range(40):
        quick.write("acme/file", b"%05d" % number)
        uploader.run(generation=0, base=None)
        quick.now += 2 * HOUR
    quick.write("acme/file", b"00000")
    assert uploader.run(generation=0, base=None).uploaded_bytes == 5

    assert quick.restored() == {"acme/file": b"00000"}


def test_a_collector_without_a_checkpoint_s_content_raises(quick: QuickCompany) -> None:
    quick.write("acme/file")
    quick.uploader().run(generation=0, base=None)
    newest = quick.checkpoint()
    lost = CheckpointId(generation=0, at=1799999999999)
    names = {id: CheckpointName(id=id) for id in (lost, newest.id)}
    collector = Collector(quick.root.parent / "memory")
    now = int(quick.now * 1000)

    with pytest.raises(StoreError):
        collector.run(quick.store(), ["objects/x"], names, newest, Retention(), now)
