"""What was uploaded is read back, a little each hour: damage is reported, and repaired from the volume."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Collection

import pytest

from runtime.gate.snapshot import sampling
from runtime.gate.snapshot.checkpoint import Checkpoint, StoredFile
from runtime.gate.snapshot.upload import Uploader, UploadResult
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.errors import StoreError, Unreachable
from runtime.gate.storage.keys import CheckpointId
from tests.gate.snapshot.company import GRAPH, TABLE, QuickCompany

HOUR = 3600.0
MANY = 20_000


def go(uploader: Uploader) -> UploadResult:
    return uploader.run(generation=0, base=None)


@pytest.fixture
def uploader(quick: QuickCompany) -> Uploader:
    """Of a company with more objects than one sample reads."""
    quick.write(GRAPH, b'{"nodes": 1}')
    quick.write_table(versions=20)
    uploader = quick.uploader()
    assert go(uploader).damaged is None
    return uploader


def damage(quick: QuickCompany, key: str) -> None:
    """Zeros of the same size."""
    quick.bucket.objects[key] = bytes(len(quick.bucket.objects[key]))


def later(quick: QuickCompany, uploader: Uploader, hours: int = 1) -> list[UploadResult]:
    results = []
    for _ in range(hours):
        quick.now += HOUR
        results.append(go(uploader))
    return results


def test_damaged_objects_are_found_within_a_round_and_uploaded_again(
    quick: QuickCompany, uploader: Uploader
) -> None:
    key = f"data/{TABLE}/data/file7.lance"
    damage(quick, key)
    results = later(quick, uploader, 5)

    (found,) = [result for result in results if result.damaged_objects]
    assert found.damaged == (
        f"1 objects ({key}) had other content in the bucket than was uploaded; 1 were uploaded again from the"
        " volume"
    )
    assert found.checkpoint is None
    assert quick.restored()[f"{TABLE}/data/file7.lance"] == b"7" * 1000
    assert results[-1].damaged is None


def test_one_damaged_object_in_a_sample_makes_it_read_all(quick: QuickCompany, uploader: Uploader) -> None:
    before = quick.restored()
    for file in quick.checkpoint().files.values():
        damage(quick, file.key)
    (found,) = later(quick, uploader)

    assert found.damaged_objects == len(before)
    assert quick.restored() == before
    assert [result.damaged for result in later(quick, uploader, 6)] == [None] * 6


def test_what_the_volume_no_longer_has_stays_reported(quick: QuickCompany, uploader: Uploader) -> None:
    (graph,) = [file for path, file in quick.checkpoint().files.items() if path == GRAPH]
    quick.bucket.fault = lambda what, key: None
    damage(quick, graph.key)
    (quick.root / GRAPH).write_bytes(b"{ damaged here, too")
    results = later(quick, uploader, 6)

    assert "the volume has none of them" in (results[-1].damaged or "")
    assert sum(result.damaged_objects for result in results) == 1, "each is counted once"
    assert graph.key in quick.bucket.objects, "what cannot be uploaded again is not deleted"


def test_a_checkpoint_that_was_replaced_is_written_again(quick: QuickCompany, uploader: Uploader) -> None:
    before, id = quick.restored(), quick.checkpoints()[-1]
    quick.put(id.key, quick.content(id.key).replace(b'"generation": 0', b'"generation":  0', 1)[:-9] + b"{")
    (found,) = later(quick, uploader)

    assert found.damaged == (
        "the newest checkpoint had other content in the bucket than was uploaded; it was uploaded again"
    )
    assert quick.checkpoints() == [found.checkpoint.id] if found.checkpoint else False
    assert quick.restored() == before
    assert later(quick, uploader)[0].damaged is None


def test_an_object_that_is_gone_is_uploaded_again(quick: QuickCompany, uploader: Uploader) -> None:
    before = quick.restored()
    for key in [file.key for file in quick.checkpoint().files.values()][::2]:
        del quick.bucket.objects[key]
    quick.now += sampling.EVERY_SECONDS
    uploader.run(generation=0, base=None)
    uploader.run(generation=0, base=None)

    assert quick.restored() == before


@pytest.mark.parametrize("error", [Unreachable("down"), StoreError("refused")])
def test_a_bucket_that_cannot_be_read_is_no_damage(
    quick: QuickCompany, uploader: Uploader, error: StoreError
) -> None:
    def fault(what: str, key: str) -> None:
        if what == "hashes":
            raise error

    quick.bucket.fault = fault
    before = dict(quick.bucket.objects)
    (result,) = later(quick, uploader)

    assert result.damaged_objects == 0 and quick.bucket.objects == before
    assert (result.damaged is None) == isinstance(error, Unreachable)


def test_it_reads_little(quick: QuickCompany, uploader: Uploader, monkeypatch: pytest.MonkeyPatch) -> None:
    quick.bucket.calls.clear()
    for _ in range(60):
        quick.now += 60
        go(uploader)
    assert quick.bucket.calls["hashes"] == 1

    quick.write("acme/large", bytes(sampling.BYTES + 1))
    go(uploader)
    sizes, hashes = list[int](), quick.bucket.hashes

    def measured(keys: Collection[str]) -> dict[str, str]:
        sizes.append(sum(len(quick.bucket.objects[key]) for key in keys))
        return hashes(keys)

    monkeypatch.setattr(quick.bucket, "hashes", measured)
    later(quick, uploader, 10)
    assert max(sizes) > sampling.BYTES, "each object is read once in a while"
    assert all(size < sampling.BYTES + 3000 for size in sizes)


def test_a_large_checkpoint_is_read_back_in_less_memory_than_it_has_bytes(quick: QuickCompany) -> None:
    hashes = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(MANY)]
    files = {each: StoredFile(key=f"objects/{each}", size=1, sha256=each) for each in hashes}
    id = CheckpointId(generation=0, at=1)
    newest = Checkpoint(region="us-east-1", id=id, base=None, files=files)
    content = newest.dump().encode()
    quick.put(id.key, content)
    for number, each in enumerate(hashes):
        quick.put(f"objects/{each}", b"%d" % number)
    stored = quick.bucket.list("objects/")
    lists = {id.key: hashlib.sha256(content).hexdigest()}
    sampler = sampling.Sampler(Volume(quick.root, "brain"))

    tracemalloc.start()
    try:
        sample = sampler.run(quick.store(), newest, stored, lists)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert sample == sampling.Sample()
    assert peak < len(content)
