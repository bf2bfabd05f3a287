"""The commands on the local target: they find its emulator, and what AWS has and it has not is done here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.aws.emulator import Emulator
from ops.__main__ import main
from ops.errors import DONE, FAILED
from tests.ops.snapshots import EU, US, stack_file
from tests.services import until

PREFIX = f"{US}/acme/brain"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return stack_file(tmp_path, "local", regions=[US, EU])


@pytest.fixture
def s3_client(emulator: Emulator) -> Iterator[Any]:
    """Two versioned buckets of the stack, the first with objects from before there was a rule."""
    client = boto3.client("s3", region_name=US, **emulator.credentials())
    for region in (US, EU):
        where = {} if region == US else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        client.create_bucket(Bucket=bucket(region), **where)
        client.put_bucket_versioning(Bucket=bucket(region), VersioningConfiguration={"Status": "Enabled"})
    for number in range(3):
        client.put_object(Bucket=bucket(US), Key=f"{PREFIX}/objects/{number}", Body=b"x" * number)
    client.put_object(Bucket=bucket(US), Key="eu-west-1/acme/brain/objects/9", Body=b"a replica")
    yield client
    for region in (US, EU):
        there = client.list_object_versions(Bucket=bucket(region)).get("Versions", ())
        for one in there:
            client.delete_object(Bucket=bucket(region), Key=one["Key"], VersionId=one["VersionId"])
        client.delete_bucket(Bucket=bucket(region))


def bucket(region: str) -> str:
    return f"agency-test-local-{region}"


def keys(client: Any, region: str) -> dict[str, int]:
    listed = client.list_objects_v2(Bucket=bucket(region)).get("Contents", ())
    return {one["Key"]: one["Size"] for one in listed}


def add_rule(client: Any) -> None:
    rule = {
        "ID": "one",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": f"{US}/"},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{bucket(EU)}"},
    }
    configuration = {"Role": "arn:aws:iam::123456789012:role/replication", "Rules": [rule]}
    client.put_bucket_replication(Bucket=bucket(US), ReplicationConfiguration=configuration)


def backfill(file: Path, emulator: Emulator) -> int:
    state = str(emulator.profile.parent)
    return main(["backfill", "--config", str(file), "--region", EU, "--state", state, "--yes"])


def test_what_was_there_before_the_rule_is_copied_once(
    file: Path, emulator: Emulator, s3_client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    add_rule(s3_client)
    assert backfill(file, emulator) == DONE
    assert keys(s3_client, EU) == {f"{PREFIX}/objects/{number}": number for number in range(3)}
    said = capsys.readouterr().out
    assert "no S3 Batch Replication here" in said
    assert [US, "3", "3", "0"] in [line.split() for line in said.splitlines()]

    s3_client.put_object(Bucket=bucket(US), Key=f"{PREFIX}/objects/4", Body=b"four")
    until(lambda: f"{PREFIX}/objects/4" in keys(s3_client, EU), "the rule copies what is written now")
    assert backfill(file, emulator) == DONE
    assert [US, "4", "0", "4"] in [line.split() for line in capsys.readouterr().out.splitlines()]


def test_without_a_rule_nothing_is_copied(
    file: Path, emulator: Emulator, s3_client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backfill(file, emulator) == FAILED
    assert f"no rule replicates to {bucket(EU)}" in capsys.readouterr().err
    assert keys(s3_client, EU) == {}


def test_a_local_target_that_does_not_run_is_said_to_be_so(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "nothing"
    assert main(["restore", "--config", str(file), "--company", "acme", "--state", str(state)]) == FAILED
    assert f"the local target does not run ({state}): start it with `make up`" in capsys.readouterr().err
    assert not state.exists()


def test_another_s3_of_the_settings_is_taken_instead(
    tmp_path: Path, emulator: Emulator, s3_client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    replication = {"endpoint": emulator.url}
    file = stack_file(tmp_path, "local", regions=[US, EU], replication=replication)
    checkpoint = {"region": US, "generation": 1, "base": None, "files": {}}
    key = f"{PREFIX}/_checkpoints/000001-1795402800000.json"
    s3_client.put_object(Bucket=bucket(US), Key=key, Body=json.dumps(checkpoint).encode())
    state = str(tmp_path / "nothing")
    assert main(["restore", "--config", str(file), "--company", "acme", "--state", state]) == DONE
    assert "000001-1795402800000" in capsys.readouterr().out
