"""An emptied, truncated or damaged volume neither empties the copy nor becomes its newest checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import pytest

from runtime.gate.snapshot import loss_guard
from runtime.gate.snapshot.checkpoint import RESTORED, Checkpoint, CheckpointRef, StoredFile, save_checkpoint
from runtime.gate.storage.keys import CheckpointId
from tests.gate.copying.company import GRAPH, TABLE, Company

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
}


@pytest.fixture
def copied(company: Company) -> Company:
    """With a second table and a graph, so that no part is half of it."""
    company.write_table()
    company.write_table("globex/episodic/episodic_memories.lance", versions=4)
    company.write(GRAPH, json.dumps({"nodes": list(range(100))}).encode())
    company.copier().run(generation=0, base=None)
    return company


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_holds_the_copy_until_the_volume_is_right_again(copied: Company, damage: str) -> None:
    before, whole = copied.keys(), copied.checkpoint()
    content = copied.restored()
    copier = copied.copier()
    shutil.copytree(copied.root / "acme", copied.root.parent / "saved")

    DAMAGES[damage](copied)
    copied.now += 1
    for _ in range(2):
        result = copier.run(generation=0, base=None)
        assert result.guarded and str(whole.id) in result.guarded
        assert not result.changed and result.newest == whole
    assert copied.copier().run(generation=0, base=None).guarded, "after a restart, too"
    assert before.items() <= copied.keys().items() and len(copied.checkpoints()) == 1

    shutil.rmtree(copied.root / "acme", ignore_errors=True)
    shutil.copytree(copied.root.parent / "saved", copied.root / "acme")
    result = copier.run(generation=0, base=None)
    assert result.guarded is None
    assert copied.restored() == content


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_operator_releases_the_guard_for_one_checkpoint(copied: Company, damage: str) -> None:
    DAMAGES[damage](copied)
    copied.now += 1
    copier = copied.copier()
    older = CheckpointId(generation=0, at=1)
    copied.accept_shrink(older)
    assert copier.run(generation=0, base=None).guarded

    copied.accept_shrink(copied.checkpoints()[-1])
    result = copier.run(generation=0, base=None)

    assert result.guarded is None and result.changed
    shutil.rmtree(copied.root / "globex", ignore_errors=True)
    assert copier.run(generation=0, base=None).guarded, "the order was for the checkpoint before"


def test_an_order_that_is_none_releases_nothing(copied: Company) -> None:
    empty(copied)
    shutil.rmtree(copied.root / "globex")
    for order in (b"", b"[]", b"{", b'{"checkpoint": null}', b'"x"'):
        copied.put(loss_guard.ACCEPT_SHRINK, order)
        assert copied.copier().run(generation=0, base=None).guarded


def test_a_torn_graph_is_no_loss(company: Company) -> None:
    company.write(GRAPH, json.dumps({"nodes": list(range(1000))}).encode())
    copier = company.copier()
    copier.run(generation=0, base=None)
    company.write(GRAPH, b"")

    assert copier.run(generation=0, base=None).guarded is None
    assert json.loads(company.restored()[GRAPH])["nodes"]


def test_a_memory_that_was_taken_is_measured_by_what_it_was_taken_from(copied: Company) -> None:
    """A restore to an earlier time may make it smaller."""
    shutil.rmtree(copied.root / "globex")
    shutil.rmtree(copied.root / "acme" / "episodic")
    copied.write(GRAPH, b'{"nodes": []}')
    earlier = CheckpointId(generation=0, at=5)
    graph = StoredFile(key=f"objects/{'0' * 64}", size=13, sha256="0" * 64)
    taken = Checkpoint(region="eu-west-1", id=earlier, base=None, files={GRAPH: graph})
    save_checkpoint(copied.root / ".gate" / RESTORED, taken)
    base = CheckpointRef(region="eu-west-1", checkpoint=earlier)

    assert copied.copier().run(generation=1, base=None).guarded
    result = copied.copier().run(generation=1, base=base)

    assert result.guarded is None and result.changed
    copied.write(GRAPH, b"{}")
    assert "13 bytes" in (copied.copier().run(generation=1, base=base).guarded or "")


def test_what_a_compaction_leaves_behind_is_no_loss(copied: Company) -> None:
    table = copied.root / TABLE
    for name in ("file1", "file2"):
        (table / "data" / f"{name}.lance").unlink()
    for path in (table / "_versions").iterdir():
        path.unlink()
    copied.write(f"{TABLE}/data/compacted.lance", b"x" * 1900)
    copied.write(f"{TABLE}/_versions/{(1 << 64) - 10}.manifest", b"compacted.lance, and more than was before")

    assert copied.copier().run(generation=0, base=None).guarded is None


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
