"""Buckets that a KMS key encrypts: their objects' ETags are no MD5."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.contracts.gate import GateConfig
from runtime.gate.storage.errors import ContentConflict, StoreError
from runtime.gate.storage.stores import BucketStores
from tests.components.stacks import EU, US
from tests.gate.snapshot.company import Company

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


def test_an_upload_that_is_there_already_is_recognised_by_its_content(
    company: Company, files: dict[str, Path], tmp_path: Path
) -> None:
    """As after an upload of a gate that did not know the key yet, and called it damaged."""
    store = company.store(kms_key=KEY)
    store.upload(files, tmp_path / "staging", root=company.root)
    store.upload(files, tmp_path / "staging", root=company.root)

    files["data/small"].write_bytes(b"another")
    with pytest.raises(ContentConflict, match="data/small"):
        store.upload(files, tmp_path / "staging", root=company.root)


def test_the_stores_of_the_live_config_name_the_key_of_their_bucket(company: Company) -> None:
    company.s3.kms = True
    config = GateConfig(
        region=US,
        namespace=company.namespace,
        component="brain",
        order=(US, EU),
        follows=(),
        ranked=False,
        buckets={region: company.s3.buckets[region] for region in (US, EU)},
        kms_keys={US: KEY, EU: KEY.replace(US, EU)},
        endpoint=company.s3.url,
    )
    assert GateConfig.from_json(config.to_json()) == config
    stores = BucketStores(company.rclone, lambda: config, company.interrupt)

    stores(US, US).put("_checkpoints/1.json", b"{}")

    where = {"Bucket": company.s3.buckets[US], "Key": f"{company.prefix}/_checkpoints/1.json"}
    assert company.s3.client().head_object(**where)["SSEKMSKeyId"] == KEY
