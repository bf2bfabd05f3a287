"""ReplicationBucket: encrypted, cleaned, kept. The policy `buckets-are-safe` checks the rest."""

from __future__ import annotations

import json

import pytest

from components.advice import Advice
from components.replication_bucket import ReplicationBucket, ReplicationBucketArgs
from plan.iam_evaluator import Request, denies
from tests.recording import (
    BUCKET_ENCRYPTION,
    BUCKET_LIFECYCLE,
    BUCKET_POLICY,
    BUCKET_PUBLIC_ACCESS,
    SAFE_BUCKET,
    Recording,
    record_part,
)

NAME, REGION = "agency-example-com-dev-eu-west-1", "eu-west-1"


@pytest.fixture(scope="module")
def run() -> Recording:
    def build() -> None:
        args = ReplicationBucketArgs(bucket=NAME, region=REGION, adopt=False, advice=Advice())
        ReplicationBucket("eu-west-1-replication", args)

    return record_part(build)


def test_everything_about_the_bucket_is_in_its_region_and_stays(run: Recording) -> None:
    parts = run.children(run.named("eu-west-1-replication"))
    assert {resource.type for resource in parts} == SAFE_BUCKET
    for resource in parts:
        assert resource.inputs["bucket"] == NAME
        assert resource.inputs["region"] == REGION
        assert resource.retain_on_delete, resource.name


def test_objects_are_encrypted_with_the_keys_of_s3(run: Recording) -> None:
    [rule] = run.of(BUCKET_ENCRYPTION)[0].inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}


def test_its_policy_denies_connections_without_tls(run: Recording) -> None:
    (policy,) = run.of(BUCKET_POLICY)
    document = json.loads(policy.inputs["policy"])
    for resource in (f"arn:aws:s3:::{NAME}", f"arn:aws:s3:::{NAME}/{REGION}/acme/brain/data/x"):
        for secure in ("true", "false"):
            asked = Request(
                action="s3:GetObject",
                resource=resource,
                principal="AWS:arn:aws:iam::123456789012:role/any",
                context={"aws:SecureTransport": secure},
            )
            assert denies(document, asked) is (secure == "false")


def test_policy_and_public_access_block_are_not_changed_at_once(run: Recording) -> None:
    (policy,), (block,) = run.of(BUCKET_POLICY), run.of(BUCKET_PUBLIC_ACCESS)
    assert block.urn in policy.dependencies


def test_old_versions_and_stalled_uploads_go_and_current_objects_stay(run: Recording) -> None:
    rules = {rule["id"]: rule for rule in run.of(BUCKET_LIFECYCLE)[0].inputs["rules"]}
    assert {rule["status"] for rule in rules.values()} == {"Enabled"}
    assert rules["old-versions"]["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
    assert rules["old-versions"]["expiration"] == {"expiredObjectDeleteMarker": True}
    assert rules["stalled-uploads"]["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    assert len(rules) == 2
