"""An emptied, truncated or damaged volume neither empties the bucket nor becomes its newest checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from runtime.gate.snapshot import lance, loss_guard
from runtime.gate.snapshot.checkpoint import RESTORED, Checkpoint, CheckpointRef, StoredFile, save_checkpoint
from runtime.gate.storage.keys import CheckpointId
from tests.gate import lance_writer
from tests.gate.snapshot.company import GRAPH, TABLE, Company, QuickCompany

MANIFEST = f"{TABLE}/_versions/{(1 << 64) - 3}.manifest"


def empty(company: Company) -> None:
    shutil.rmtree(company.root / "acme")


def lose_table(company: Company) -> None:
    shutil.rmtree(company.root / TABLE)


def truncate_all(company: Company) -> None:
    for path in (company.root / "acme").rglob("*.*"):
        if path.is_file():
            path.write_bytes(b"")


def truncate(path: str) -> Callable[[Company], None]:
    def damage(company: Company) -> None:
        (company.root / path).write_bytes(b"")

    return damage


def scribble(company: Company) -> None:
    company.write(f"{TABLE}/data/file1.lance", b"?" * 1000)


def lose_one_file(company: Company) -> None:
    (company.root / TABLE / "data" / "file1.lance").unlink()


def lose_the_newest_version(company: Company) -> None:
    """As when an older state of the table is uploaded over it."""
    (company.root / MANIFEST).unlink()


def make_anew(company: Company) -> None:
    lose_table(company)
    company.write_table(versions=1)


def lose_the_data(company: Company) -> None:
    for path in (company.root / TABLE / "data").iterdir():
        path.unlink()


DAMAGES = {
    "emptied": empty,
    "without its table": lose_table,
    "all truncated": truncate_all,
    "a data file truncated": truncate(f"{TABLE}/data/file2.lance"),
    "a manifest truncated": truncate(MANIFEST),
    "a data file overwritten": scribble,
    "a data file missing": lose_one_file,
    "no data files": lose_the_data,
    "without its newest version": lose_the_newest_version,
    "a table made anew": make_anew,
}


@pytest.fixture
def uploaded(company: Company) -> Company:
    """With a second table and a graph, so that no part is half of it."""
    company.write_table()
    company.write_table("globex/episodic/episodic_memories.lance", versions=4)
    company.write(GRAPH, json.dumps({"nodes": list(range(100))}).encode())
    company.uploader().run(generation=0, base=None)
    return company


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_stops_uploads_until_the_volume_is_right_again(uploaded: Company, damage: str) -> None:
    before, whole = uploaded.keys(), uploaded.checkpoint()
    content = uploaded.restored()
    uploader = uploaded.uploader()
    shutil.copytree(uploaded.root / "acme", uploaded.root.parent / "saved")

    DAMAGES[damage](uploaded)
    uploaded.now += 1
    for _ in range(2):
        result = uploader.run(generation=0, base=None)
        assert result.guarded and str(whole.id) in result.guarded
        assert not result.changed and result.newest == whole
    assert uploaded.uploader().run(generation=0, base=None).guarded, "after a restart, too"
    assert before.items() <= uploaded.keys().items() and len(uploaded.checkpoints()) == 1

    shutil.rmtree(uploaded.root / "acme", ignore_errors=True)
    shutil.copytree(uploaded.root.parent / "saved", uploaded.root / "acme")
    result = uploader.run(generation=0, base=None)
    assert result.guarded is None
    assert uploaded.restored() == content


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_operator_releases_the_guard_for_one_checkpoint(uploaded: Company, damage: str) -> None:
    DAMAGES[damage](uploaded)
    uploaded.now += 1
    uploader = uploaded.uploader()
    older = CheckpointId(generation=0, at=1)
    uploaded.accept_shrink(older)
    assert uploader.run(generation=0, base=None).guarded

    uploaded.accept_shrink(uploaded.checkpoints()[-1])
    result = uploader.run(generation=0, base=None)

    assert result.guarded is None and result.changed
    shutil.rmtree(uploaded.root / "globex", ignore_errors=True)
    assert uploader.run(generation=0, base=None).guarded, "the request was for the checkpoint before"


def test_an_invalid_request_releases_nothing(uploaded: Company) -> None:
    empty(uploaded)
    shutil.rmtree(uploaded.root / "globex")
    for order in (b"", b"[]", b"{", b'{"checkpoint": null}', b'"x"'):
        uploaded.put(loss_guard.ACCEPT_SHRINK, order)
        assert uploaded.uploader().run(generation=0, base=None).guarded


def test_a_torn_graph_is_no_loss(company: Company) -> None:
    company.write(GRAPH, json.dumps({"nodes": list(range(1000))}).encode())
    uploader = company.uploader()
    uploader.run(generation=0, base=None)
    company.write(GRAPH, b"")

    assert uploader.run(generation=0, base=None).guarded is None
    assert json.loads(company.restored()[GRAPH])["nodes"]


def test_a_memory_that_was_taken_is_measured_by_what_it_was_taken_from(uploaded: Company) -> None:
    """A restore to an earlier time may make it smaller."""
    shutil.rmtree(uploaded.root / "globex")
    shutil.rmtree(uploaded.root / "acme" / "episodic")
    uploaded.write(GRAPH, b'{"nodes": []}')
    earlier = CheckpointId(generation=0, at=5)
    graph = StoredFile(key=f"objects/{'0' * 64}", size=13, sha256="0" * 64)
    taken = Checkpoint(region="eu-west-1", id=earlier, base=None, files={GRAPH: graph})
    save_checkpoint(uploaded.root / ".gate" / RESTORED, taken)
    base = CheckpointRef(region="eu-west-1", checkpoint=earlier)

    assert uploaded.uploader().run(generation=1, base=None).guarded
    result = uploaded.uploader().run(generation=1, base=base)

    assert result.guarded is None and result.changed
    uploaded.write(GRAPH, b"{}")
    assert "13 bytes" in (uploaded.uploader().run(generation=1, base=base).guarded or "")


def test_what_a_compaction_leaves_behind_is_no_loss(uploaded: Company) -> None:
    table = uploaded.root / TABLE
    for name in ("file1", "file2"):
        (table / "data" / f"{name}.lance").unlink()
    for path in (table / "_versions").iterdir():
        path.unlink()
    uploaded.write(f"{TABLE}/data/compacted.lance", b"x" * 1900)
    uploaded.write(
        f"{TABLE}/_versions/{(1 << 64) - 10}.manifest", b"compacted.lance, and more than was before"
    )

    assert uploaded.uploader().run(generation=0, base=None).guarded is None


@pytest.fixture
def quick_table(quick: QuickCompany) -> Any:
    """A real table with 40 rows, uploaded."""
    table = lance_writer.open_table(quick.root, "acme")
    for number in range(40):
        lance_writer.add(table, number)
    quick.uploader().run(generation=0, base=None)
    return table


def test_a_real_compaction_is_no_loss_though_most_bytes_go(quick: QuickCompany, quick_table: Any) -> None:
    before = quick.checkpoint().bytes
    quick_table.optimize(cleanup_older_than=timedelta(0))
    quick.now += 1
    result = quick.uploader().run(generation=0, base=None)

    assert result.guarded is None and result.changed
    assert 2 * quick.checkpoint().bytes < before
    assert quick_table.count_rows() == 40


@pytest.mark.parametrize("compacted", [False, True])
def test_deleted_rows_trip_the_loss_guard_compacted_or_not(
    quick: QuickCompany, quick_table: Any, compacted: bool
) -> None:
    quick_table.delete("id >= 25")
    assert quick.uploader().run(generation=0, base=None).guarded is None, "most rows are there"

    quick_table.delete("id >= 12")
    if compacted:
        quick_table.optimize(cleanup_older_than=timedelta(0))
    guarded = quick.uploader().run(generation=0, base=None).guarded

    assert guarded and "only 12 of 25 rows" in guarded


def test_a_dropped_table_trips_the_loss_guard_and_so_does_one_that_was_made_anew(
    quick: QuickCompany, quick_table: Any
) -> None:
    import lancedb

    database = lancedb.connect(quick.root / "acme" / "episodic")
    database.drop_table(lance_writer.TABLE)
    assert "vanished" in (quick.uploader().run(generation=0, base=None).guarded or "")
    lance_writer.add(lance_writer.open_table(quick.root, "acme"), 0)
    assert "newest version" in (quick.uploader().run(generation=0, base=None).guarded or "")


@pytest.mark.parametrize("content", [b"", b"LANC", b"x" * 40, b"\xff" * 12 + b"LANC", b"\0" * 12 + b"LANC"])
def test_what_is_no_manifest_says_nothing_of_rows(content: bytes) -> None:
    assert lance.rows(content) in (None, 0)


@pytest.mark.parametrize(
    ("numbers", "newest"),
    [((1, 2, 10), 10), (((1 << 64) - 2, (1 << 64) - 3, (1 << 64) - 12), (1 << 64) - 12)],
)
def test_the_newest_manifest_is_found_in_both_ways_of_naming(numbers: tuple[int, ...], newest: int) -> None:
    """Only that one must not name what is gone."""
    gone = StoredFile(key="k", size=1, sha256="s")
    files = {f"t.lance/_versions/{number}.manifest": gone for number in numbers}
    before = Checkpoint(
        region="r",
        id=CheckpointId(generation=0, at=1),
        base=None,
        files={**files, "t.lance/data/a.lance": gone},
    )
    names = f"t.lance/_versions/{newest}.manifest"

    assert loss_guard.loss(before, files, lambda path: b"" if path == names else b"a.lance") is None
    assert "a.lance" in (
        loss_guard.loss(before, files, lambda path: b"a.lance" if path == names else b"") or ""
    )
