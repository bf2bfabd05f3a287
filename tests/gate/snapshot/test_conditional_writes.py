"""Keys that have an object already when the gate uploads to them: the bucket overwrites none."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from runtime.gate.lineage.divergence import LIST, upload_diverged
from runtime.gate.storage.errors import ContentConflict, StoreError
from runtime.gate.storage.keys import ANNOUNCEMENT, CHECKPOINTS
from tests.components.stacks import US
from tests.gate.snapshot.company import GRAPH, TABLE, Company
from tests.s3 import ANSWER_LOST, Call, Fault

CONTENT = b'{"nodes": 1}'
OBJECT = f"objects/{hashlib.sha256(CONTENT).hexdigest()}"
FILE = f"{TABLE}/data/file1.lance"


def versions(company: Company, key: str) -> list[bytes | None]:
    return company.s3.versions(US, f"{company.prefix}/{key}")[f"{company.prefix}/{key}"]


@pytest.mark.parametrize("size", [100, 40 << 20], ids=["whole", "in parts"])
def test_an_upload_whose_answer_was_lost_is_no_error(company: Company, size: int) -> None:
    company.write("acme/file", b"x" * size)
    lost: list[Call] = []

    def fault(call: Call) -> Fault | None:
        makes = call.context.get("s3:ObjectCreationOperation") == "true"
        if lost or not makes or "/objects/" not in call.key:
            return None
        lost.append(call)
        return ANSWER_LOST

    company.s3.fault = fault
    company.uploader().run(generation=0, base=None)

    assert lost and company.restored() == {"acme/file": b"x" * size}
    assert len(versions(company, company.checkpoint().files["acme/file"].key)) == 1


@pytest.mark.parametrize("planted", [b"\0" * len(CONTENT), b"shorter"], ids=["same size", "other size"])
def test_an_object_without_its_content_is_replaced_and_its_version_stays(
    company: Company, planted: bytes
) -> None:
    company.write("acme/other")
    uploader = company.uploader()
    uploader.run(generation=0, base=None)
    company.put(OBJECT, planted)
    company.write(GRAPH, CONTENT)

    result = uploader.run(generation=0, base=None)

    assert result.replaced == (OBJECT,)
    assert company.restored()[GRAPH] == CONTENT
    assert versions(company, OBJECT) == [planted, None, CONTENT]
    company.write(GRAPH, b'{"nodes": 2}')
    assert uploader.run(generation=0, base=None).replaced == ()


def test_a_file_whose_own_key_is_taken_goes_to_its_hash(company: Company) -> None:
    company.write("acme/other")
    running = company.uploader()
    running.run(generation=0, base=None)
    company.put(f"data/{FILE}", b"of somebody else")
    company.write_table(versions=1)

    for uploader in (running, company.uploader()):
        uploader.run(generation=0, base=None)
        file = company.checkpoint().files[FILE]
        assert file.key == f"objects/{file.sha256}"
        assert company.restored()[FILE] == (company.root / FILE).read_bytes()
    assert versions(company, f"data/{FILE}") == [b"of somebody else"]


def test_a_checkpoint_whose_name_is_taken_is_reported_and_the_next_has_another_name(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.write("acme/file")
    uploader = company.uploader()
    uploader.store.now = lambda: company.now
    uploader.run(generation=0, base=None)
    company.now += 60
    at = company.now
    existing = f"{CHECKPOINTS}/000000-{int(at * 1000):013d}.json"
    company.put(existing, b"{}")
    monkeypatch.setattr(uploader.store, "now", lambda: at)
    company.write("acme/more")

    with pytest.raises(StoreError, match="other content than on the volume"):
        uploader.run(generation=0, base=None)
    at += 60
    uploader.run(generation=0, base=None)

    assert set(company.checkpoint().files) == {"acme/file", "acme/more"}
    assert versions(company, existing) == [b"{}"]


def test_diverged_files_that_somebody_changed_in_the_bucket_are_uploaded_again(company: Company) -> None:
    folder = company.root / "diverged" / "20260101T000000000Z"
    (folder / "acme").mkdir(parents=True)
    (folder / "acme/graph.json").write_bytes(CONTENT)
    entry = {"size": len(CONTENT), "sha256": OBJECT.removeprefix("objects/"), "where": "here"}
    (folder / LIST).write_text(f'{{"files": {{"acme/graph.json": {entry!r}}}}}'.replace("'", '"'))
    key = f"diverged/{folder.name}/acme/graph.json"
    company.put(key, b"changed")

    for _ in range(2):
        assert upload_diverged(company.root, folder.name, company.store()) == 1

    assert versions(company, key) == [b"changed", None, CONTENT]
    assert company.content(f"diverged/{folder.name}/{LIST}") == (folder / LIST).read_bytes()


NAMES = {
    "a carriage return": "acme/a\rb",
    "two spaces": "acme/  a  ",
    "no UTF-8": "acme/a\udcff",
    "a tilde": "acme/a~",
    "rclone's quote": "acme/\u201b\uff0f",
    "wide dots": "acme/\uff0e\uff0e",
    "a backslash": "acme/a\\b",
    "two cases": "acme/A",
    "255 bytes": f"acme/{'x' * 255}",
    "a sign": "= acme/a",
}


@pytest.mark.parametrize("path", NAMES.values(), ids=NAMES)
def test_diverged_files_of_any_name_are_uploaded_again_after_a_kill(company: Company, path: str) -> None:
    folder = company.root / "diverged" / "20260101T000000000Z"
    content = {path: CONTENT, "acme/a": b"another"}
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    entry = {"size": len(CONTENT), "sha256": OBJECT.removeprefix("objects/"), "where": "here"}
    (folder / LIST).write_text(json.dumps({"files": dict.fromkeys(content, entry)}))

    for _ in range(2):
        assert upload_diverged(company.root, folder.name, company.store()) == len(content)

    company.store().list()


def test_what_is_taken_is_named_and_the_rest_is_uploaded(company: Company, tmp_path: Path) -> None:
    store = company.store()
    files = {f"objects/{name}": company.write(f"acme/{name}", name.encode()) for name in ("a", "b", "c")}
    company.put("objects/b", b"b")
    company.put("objects/c", b"else")

    with pytest.raises(ContentConflict, match="objects/c") as conflict:
        store.upload(files, tmp_path / "staging", root=company.root)

    assert conflict.value.keys == {"objects/c"}
    assert company.content("objects/a") == b"a" and len(versions(company, "objects/b")) == 1


def test_keys_that_change_are_written_again(company: Company) -> None:
    for content in (b"", b"again"):
        company.store().put(ANNOUNCEMENT, content)

    assert versions(company, ANNOUNCEMENT) == [b"", b"again"]
