"""ReplicationBucket: closed, versioned, cleaned, kept."""

from __future__ import annotations

import json

import pytest

from components.advice import Advice
from components.replication_bucket import ReplicationBucket, ReplicationBucketArgs
from plan.iam_evaluator import Request, denies
from tests.recording import (
    BUCKET,
    BUCKET_ENCRYPTION,
    BUCKET_LIFECYCLE,
    BUCKET_OWNERSHIP,
    BUCKET_POLICY,
    BUCKET_PUBLIC_ACCESS,
    BUCKET_VERSIONING,
    SAFE_BUCKET,
    Recording,
    record_part,
)

NAME, REGION = "agency-example-com-dev-eu-west-1", "eu-west-1"


def bucket(*, adopt: bool = False) -> Recording:
    def build() -> None:
        args = ReplicationBucketArgs(bucket=NAME, region=REGION, adopt=adopt, advice=Advice())
        ReplicationBucket("eu-west-1-replication", args)

    return record_part(build)


@pytest.fixture(scope="module")
def run() -> Recording:
    return bucket()


def test_everything_about_the_bucket_is_in_its_region_and_stays(run: Recording) -> None:
    parts = run.children(run.named("eu-west-1-replication"))
    assert {resource.type for resource in parts} == SAFE_BUCKET
    for resource in parts:
        assert resource.inputs["bucket"] == NAME
        assert resource.inputs["region"] == REGION
        assert resource.retain_on_delete, resource.name


def test_it_is_versioned_and_encrypted(run: Recording) -> None:
    run.assert_created(
        BUCKET_VERSIONING,
        "eu-west-1-replication-versioning",
        {"versioningConfiguration": {"status": "Enabled"}},
    )
    (rule,) = run.of(BUCKET_ENCRYPTION)[0].inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}


def test_it_is_closed_to_the_public_in_every_way(run: Recording) -> None:
    ways = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    run.assert_created(BUCKET_PUBLIC_ACCESS, "eu-west-1-replication-public-access", dict.fromkeys(ways, True))


def test_its_owner_owns_every_object(run: Recording) -> None:
    (controls,) = run.of(BUCKET_OWNERSHIP)
    assert controls.inputs["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


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


def test_only_an_adopted_bucket_is_imported() -> None:
    assert {resource.import_id for resource in bucket()} == {""}
    run = bucket(adopt=True)
    assert {resource.type: resource.import_id for resource in run if resource.import_id} == {BUCKET: NAME}
