"""Somebody has a pod's credentials: what they can do to snapshots that real gates upload with real rclone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runtime.gate.snapshot.checkpoint import Checkpoint, parse_checkpoint
from runtime.gate.storage.keys import CHECKPOINTS, INDEX, CheckpointId, is_write_once
from tests.components.stacks import EU
from tests.gate.process.pod import NAMESPACE, REGION, Pod
from tests.s3 import S3Service
from tests.s3.asking import code
from tests.services import until

COMPONENTS = ("agent", "brain")
FILES = {"acme/graph.json": '{"honest": 1}', "acme/t.lance/data/one.lance": "1" * 500}
REFUSED = (403, "AccessDenied")
REQUEST = b'{"order": "1", "region": "ap-southeast-1", "checkpoint": "000000-1700000000000"}'


def prefix(component: str, namespace: str = NAMESPACE, region: str = REGION) -> str:
    return f"{region}/{namespace}/{component}"


@pytest.fixture
def pods(s3: S3Service, rclone: Path, tmp_path: Path) -> Iterator[dict[str, Pod]]:
    """A Brain and an Agent, each uploaded each second with the role that it has on EKS."""
    made = {component: Pod(tmp_path / component, component=component) for component in COMPONENTS}
    try:
        for component, pod in made.items():
            pod.rclone = rclone
            pod.environment = s3.credentials(s3.sidecar(REGION, NAMESPACE, component))
            order = [REGION, *(set(s3.buckets) - {REGION})]
            pod.configure(buckets=s3.buckets, order=order, endpoint=s3.url, syncInterval=1)
            for path, content in FILES.items():
                target = pod.volume / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(content)
            pod.start()
        for component in COMPONENTS:
            until(lambda each=component: is_uploaded(s3, each), f"the {component} is uploaded")
        yield made
    finally:
        for pod in made.values():
            pod.close()


def checkpoints(s3: S3Service, component: str) -> list[str]:
    return sorted(s3.keys(REGION, f"{prefix(component)}/{CHECKPOINTS}/0"))


def is_uploaded(s3: S3Service, component: str) -> bool:
    """The index is written last."""
    return bool(s3.keys(REGION, f"{prefix(component)}/{INDEX}"))


def honest(s3: S3Service, component: str) -> Checkpoint:
    """The newest checkpoint, read before the attack."""
    key = checkpoints(s3, component)[-1]
    (content,) = s3.versions(REGION, key)[key]
    assert content is not None
    return parse_checkpoint(content, CheckpointId.parse(key.rpartition("/")[2]))


def restorable(s3: S3Service, checkpoint: Checkpoint, component: str, region: str = REGION) -> set[str]:
    """Paths of a checkpoint whose content is in some version of its object."""
    stored = s3.versions(region, f"{prefix(component)}/")
    return {
        path
        for path, file in checkpoint.files.items()
        if any(
            content is not None and hashlib.sha256(content).hexdigest() == file.sha256
            for content in stored[f"{prefix(component)}/{file.key}"]
        )
    }


def destroy(s3: S3Service, client: Any, own: str) -> None:
    """All that the credentials allow, and what they do not: each object deleted, and zeros in its place."""
    bucket = s3.buckets[REGION]
    for key, size in s3.keys(REGION, f"{own}/").items():
        place = {"Bucket": bucket, "Key": key}
        if not is_write_once(key.removeprefix(f"{own}/")):  # No snapshot needs it.
            client.put_object(**place, Body=b"\0" * size)
            continue
        (version,) = s3.client().list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
        assert code(client.put_object, **place, Body=b"\0" * size) == REFUSED
        assert code(client.put_object, **place, Body=b"\0" * size, IfNoneMatch="*")[0] == 412
        assert code(client.copy_object, **place, CopySource=place, MetadataDirective="REPLACE") == REFUSED
        for call in (client.delete_object, client.get_object):
            assert code(call, **place, VersionId=version["VersionId"]) == REFUSED
        assert code(client.put_object_legal_hold, **place, LegalHold={"Status": "OFF"}) == REFUSED
        objects = {"Objects": [{"Key": key, "VersionId": version["VersionId"]}]}
        assert code(client.delete_objects, Bucket=bucket, Delete=objects) == REFUSED
        client.delete_object(**place)
        client.put_object(**place, Body=b"\0" * size, IfNoneMatch="*")
        client.delete_object(**place)


def bucket_calls(client: Any, bucket: str) -> list[tuple[Callable[..., Any], dict[str, Any]]]:
    expire = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    suspended = {"Status": "Suspended"}
    calls: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (client.put_bucket_policy, {"Policy": policy}),
        (client.delete_bucket_policy, {}),
        (client.put_bucket_lifecycle_configuration, {"LifecycleConfiguration": {"Rules": [expire]}}),
        (client.put_bucket_versioning, {"VersioningConfiguration": suspended}),
        (client.put_object_lock_configuration, {"ObjectLockConfiguration": lock}),
        (client.delete_bucket_replication, {}),
        (client.delete_bucket, {}),
    ]
    return [(call, {"Bucket": bucket, **arguments}) for call, arguments in calls]


def refuse_writes(client: Any, bucket: str, folders: list[str], attacker: str) -> None:
    """Keys of others, and requests in the attacker's own prefix, are neither written nor deleted."""
    keys = ("objects/x", f"{CHECKPOINTS}/999999999999-1700000000000.json", "_orders/restore.json")
    refused = [f"{folder}/{key}" for folder in folders for key in keys]
    refused += [f"{prefix(attacker)}/_orders/{request}.json" for request in ("restore", "accept-shrink")]
    for key in refused:
        place = {"Bucket": bucket, "Key": key}
        assert code(client.put_object, **place, Body=REQUEST, IfNoneMatch="*") == REFUSED, key
        assert code(client.delete_object, **place) == REFUSED, key


@pytest.mark.parametrize("attacker", COMPONENTS)
def test_no_pod_s_credentials_destroy_a_snapshot_or_reach_another_s(
    s3: S3Service, pods: dict[str, Pod], attacker: str
) -> None:
    (other,) = set(COMPONENTS) - {attacker}
    s3.client().put_object(Bucket=s3.buckets[REGION], Key=f"{prefix('brain', 'globex')}/objects/x", Body=b"x")
    until(lambda: not s3.replication.pending, "everything is replicated")
    before = {component: honest(s3, component) for component in COMPONENTS}
    theirs = [prefix(other), prefix("brain", "globex"), prefix("brain", "globex", EU)]
    untouched = {each: s3.versions(region, f"{each}/") for each in theirs for region in s3.buckets}
    pods[attacker].close()
    client = s3.client(s3.sidecar(REGION, NAMESPACE, attacker), REGION)
    bucket = s3.buckets[REGION]

    destroy(s3, client, prefix(attacker))
    refuse_writes(client, bucket, [*theirs, prefix(attacker, region=EU)], attacker)
    far = f"{prefix(attacker)}/{CHECKPOINTS}/999999999999-1700000000000.json"
    client.put_object(Bucket=bucket, Key=far, Body=b"{}", IfNoneMatch="*")
    for call, arguments in bucket_calls(client, bucket):
        assert code(call, **arguments) == REFUSED, call

    until(lambda: not s3.replication.pending, "everything is replicated")
    for region in s3.buckets:
        for component, checkpoint in before.items():
            assert restorable(s3, checkpoint, component, region) == set(FILES), (region, component)
    # Other regions still have the snapshot as it was: neither deletions nor a version of before went.
    assert (
        before[attacker].missing(
            {
                key.removeprefix(f"{prefix(attacker)}/"): size
                for key, size in s3.keys(EU, f"{prefix(attacker)}/").items()
            }
        )
        == []
    )
    for each, versions in untouched.items():
        assert all(s3.versions(region, f"{each}/") == versions for region in s3.buckets if versions)
    uploaded = len(checkpoints(s3, other))
    (pods[other].volume / "acme/graph.json").write_text('{"honest": 2}')
    until(lambda: len(checkpoints(s3, other)) > uploaded, f"the {other} is uploaded as before")
    assert "CopyFailed" not in pods[other].reasons()


@pytest.mark.parametrize(("mode", "bypassed"), [("GOVERNANCE", True), ("COMPLIANCE", False)])
def test_with_a_lock_gates_upload_and_collect_and_nobody_deletes_versions(
    s3: S3Service, rclone: Path, tmp_path: Path, mode: str, bypassed: bool
) -> None:
    s3.lock(mode, days=30)
    pod = Pod(tmp_path / "brain")
    try:
        pod.rclone = rclone
        pod.environment = s3.credentials(s3.sidecar(REGION, NAMESPACE))
        pod.configure(buckets=s3.buckets, endpoint=s3.url, syncInterval=1)
        (pod.volume / "acme").mkdir()
        (pod.volume / "acme/graph.json").write_text("{}")
        with (pod.volume / "acme/big").open("wb") as big:
            big.truncate(40 << 20)  # Sent in parts.
        pod.start()
        until(lambda: bool(checkpoints(s3, "brain")), "it is uploaded")
    finally:
        pod.close()

    operator, bucket = s3.client(region=REGION), s3.buckets[REGION]
    assert len(s3.keys(REGION, f"{prefix('brain')}/objects/")) == 2
    for version in operator.list_object_versions(Bucket=bucket)["Versions"]:
        place = {"Bucket": bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
        assert code(operator.delete_object, **place) == REFUSED
        try:
            operator.delete_object(**place, BypassGovernanceRetention=True)
            deleted = True
        except ClientError:
            deleted = False
        assert deleted is bypassed
