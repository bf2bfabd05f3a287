"""How many requests rclone makes of what a gate asks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from runtime.gate.storage.errors import Refused, Unreachable
from tests.gate.snapshot.company import TABLE, Company, settle

pytestmark = pytest.mark.services


def asked(company: Company) -> Counter[str]:
    counted = Counter(call.operation for call in company.s3.calls)
    company.s3.calls.clear()
    return counted


def test_a_download_is_a_request_for_each_object(company: Company, tmp_path: Path) -> None:
    files = {f"objects/{number}": company.write(f"acme/{number}", b"%d" % number) for number in range(50)}
    company.store().upload(files, tmp_path / "staging", root=company.root)
    asked(company)

    company.store().download(files, tmp_path / "into")

    assert asked(company) == {"GetObject": 50}
    for key, file in files.items():
        assert (tmp_path / "into" / key).read_bytes() == file.read_bytes()
        assert (tmp_path / "into" / key).stat().st_mtime_ns == file.stat().st_mtime_ns


def test_an_object_that_may_be_missing_is_one_request(company: Company) -> None:
    company.put("_checkpoints/index.json", b"{}")

    assert company.store().find("_checkpoints/index.json") == b"{}"
    assert company.store().find("_orders/restore.json") is None
    assert asked(company) == {"PutObject": 1, "GetObject": 2}
    company.s3.cut("us-east-1")
    with pytest.raises(Unreachable):
        company.store(timeout=5).find("_orders/restore.json")


def test_heads_are_a_request_for_each_object_and_a_missing_one_is_an_error(company: Company) -> None:
    company.put("objects/one", b"1")
    company.put("objects/two", b"22")
    asked(company)

    found = company.store().heads(["objects/one", "objects/two"])
    assert {key: each.size for key, each in found.items()} == {"objects/one": 1, "objects/two": 2}
    assert asked(company) == {"HeadObject": 2}
    with pytest.raises(Refused):
        company.store().heads(["objects/one", "objects/none"])


def test_an_unchanged_volume_asks_nothing_and_a_change_puts_what_changed(
    company: Company,
) -> None:
    company.write_table(versions=30)
    for file in company.root.rglob("*"):
        settle(file)
    uploader = company.uploader()
    uploader.run(generation=0, base=None)
    asked(company)

    assert not uploader.run(generation=0, base=None).changed
    assert asked(company) == {}

    company.now += 60
    company.write_table(versions=31, first=31)
    assert uploader.run(generation=0, base=None).changed
    # Three files and the checkpoint; the index is read and written.
    assert asked(company) == {"PutObject": 5, "GetObject": 1}
    assert company.restored()[f"{TABLE}/data/file31.lance"]
