"""Buckets that a KMS key encrypts: their objects' ETags are no MD5."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.gate.storage.bucket import StoreError
from tests.components.stacks import US
from tests.gate.copying.company import Company

KEY = "arn:aws:kms:us-east-1:111122223333:key/0123"
SIZES = {"data/empty": 0, "data/small": 100, "data/in-parts": 40 << 20}


@pytest.fixture
def files(company: Company) -> dict[str, Path]:
    company.s3.kms = True
    return {key: company.write(f"acme/{size}", os.urandom(size)) for key, size in SIZES.items()}


def test_objects_are_uploaded_with_the_bucket_s_key_and_come_back(
    company: Company, files: dict[str, Path], tmp_path: Path
) -> None:
    store = company.store(kms_key=KEY)

    store.upload(files, tmp_path / "staging", root=company.root)
    store.put("_checkpoints/1.json", b"{}")
    store.download(files, tmp_path / "into")

    assert store.list() == SIZES | {"_checkpoints/1.json": 2}
    assert store.read("_checkpoints/1.json") == b"{}"
    for key, path in files.items():
        assert (tmp_path / "into" / key).read_bytes() == path.read_bytes()
        where = {"Bucket": company.s3.buckets[US], "Key": f"{company.prefix}/{key}"}
        head = company.s3.client().head_object(**where)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", KEY)
    assert company.s3.refused == []


def test_what_was_uploaded_before_the_bucket_had_the_key_comes_back(company: Company, tmp_path: Path) -> None:
    files = {"data/one": company.write("acme/one")}
    company.store().upload(files, tmp_path / "staging", root=company.root)

    company.store(kms_key=KEY).download(files, tmp_path / "into")

    assert (tmp_path / "into/data/one").read_bytes() == files["data/one"].read_bytes()


def test_without_the_key_in_its_config_a_gate_would_take_each_upload_for_damaged(
    company: Company, files: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="hashes differ"):
        company.store().upload({"data/small": files["data/small"]}, tmp_path / "staging", root=company.root)
