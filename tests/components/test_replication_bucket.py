"""ReplicationBucket: encrypted, cleaned, kept. The policy `buckets-are-safe` checks the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.advice import Advice
from components.replication_bucket import ReplicationBucket, ReplicationBucketArgs
from plan.iam import bucket_policy
from plan.iam_evaluator import Request, denies
from plan.names import RoleNames
from runtime.gate.storage.keys import is_write_once
from settings.replication import Replication
from tests.recording import (
    BUCKET_ENCRYPTION,
    BUCKET_LIFECYCLE,
    BUCKET_LOCK,
    BUCKET_POLICY,
    BUCKET_PUBLIC_ACCESS,
    SAFE_BUCKET,
    Recording,
    record_part,
)

NAME, REGION = "agency-example-com-dev-eu-west-1", "eu-west-1"


ROLES = RoleNames(domain="agency.example.com", stack="dev")
BUCKETS = {region: f"agency-example-com-dev-{region}" for region in (REGION, "us-east-1")}
OBJECTS = f"arn:aws:s3:::{NAME}"


def recorded(kms_key: str | None = None, **replication: Any) -> Recording:
    def build() -> None:
        args = ReplicationBucketArgs(
            bucket=NAME,
            region=REGION,
            adopt=False,
            policy=bucket_policy(ROLES, REGION, BUCKETS),
            kms_key=kms_key,
            replication=Replication(**replication),
            advice=Advice(),
        )
        ReplicationBucket("eu-west-1-replication", args)

    return record_part(build)


@pytest.fixture(scope="module")
def run() -> Recording:
    return recorded()


def denied(run: Recording, action: str, key: str, role: str, **context: str) -> bool:
    """`context`: condition keys of S3, with `_` for `-`."""
    (policy,) = run.of(BUCKET_POLICY)
    keys = {f"s3:{name.replace('_', '-')}": value for name, value in context.items()}
    keys |= {"aws:SecureTransport": "true", "aws:PrincipalArn": f"arn:aws:iam::123456789012:role/{role}"}
    resource = f"{OBJECTS}/{key}" if key else OBJECTS
    asked = Request(action=action, resource=resource, principal=f"AWS:{role}", context=keys)
    return denies(json.loads(policy.inputs["policy"]), asked)


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


def test_objects_are_encrypted_with_the_region_s_kms_key_and_a_bucket_key() -> None:
    key = f"arn:aws:kms:{REGION}:123456789012:key/4567"
    [rule] = recorded(key).of(BUCKET_ENCRYPTION)[0].inputs["rules"]
    assert rule == {
        "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key},
        "bucketKeyEnabled": True,
    }


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


def gates(region: str) -> list[str]:
    """Roles of gates, for both kinds of identity."""
    return [
        name
        for component in ("agent", "brain")
        for name in (
            ROLES.gate(region, component),
            ROLES.company_gate(region, component, "acme"),
        )
    ]


EARLIER = "agency-example-com-dev-eu-west-1"
OWN = f"{REGION}/acme/brain"
CHECKPOINT = f"{OWN}/_checkpoints/000003-1700000000000.json"
CHANGES = CHECKPOINT.replace(".json", "~000003-1600000000000.json")
ONCE = (f"{OWN}/data/x/y", f"{OWN}/objects/x", f"{OWN}/diverged/t/x", CHECKPOINT, CHANGES)
MUTABLE = (f"{OWN}/_checkpoints/serving", f"{OWN}/_checkpoints/index.json")


@pytest.mark.parametrize("role", gates(REGION))
@pytest.mark.parametrize("key", ONCE)
def test_gates_write_keys_that_never_change_only_where_there_is_no_object(
    run: Recording, role: str, key: str
) -> None:
    assert is_write_once(key.removeprefix(f"{OWN}/")), "the gate sends If-None-Match"
    agent = key.replace("/brain/", "/agent/")
    for each in (key, agent):
        assert denied(run, "s3:PutObject", each, role)
        assert denied(run, "s3:PutObject", each, role, ObjectCreationOperation="true")
        assert not denied(run, "s3:PutObject", each, role, if_none_match="*", ObjectCreationOperation="true")
        # Parts of a multipart upload take no such header; its completion does.
        assert not denied(run, "s3:PutObject", each, role, ObjectCreationOperation="false")
        assert not denied(run, "s3:DeleteObject", each, role)
        assert not denied(run, "s3:GetObject", each, role)


def test_other_keys_and_other_principals_are_written_as_before(run: Recording) -> None:
    for company in ("acme", "data", "objects", "diverged", "brain"):
        for key in MUTABLE:
            assert not is_write_once(key.removeprefix(f"{OWN}/"))
            for role in gates(REGION):
                assert not denied(run, "s3:PutObject", key.replace("/acme/", f"/{company}/"), role)
    for role in ("operator", EARLIER, "agency-example-com-dev-replication"):
        for key in ONCE:
            assert not denied(run, "s3:PutObject", key, role)


@pytest.mark.parametrize("role", [*gates(REGION), *gates("us-east-1"), EARLIER])
def test_no_gate_of_any_region_and_version_writes_requests_or_touches_versions_and_the_bucket(
    run: Recording, role: str
) -> None:
    for writer in (REGION, "us-east-1"):
        for component in ("agent", "brain"):
            key = f"{writer}/acme/{component}/_orders/restore.json"
            for action in ("s3:PutObject", "s3:DeleteObject"):
                assert denied(run, action, key, role, if_none_match="*")
                assert not denied(run, action, key, "operator")
            assert not denied(run, "s3:GetObject", key, role)
    for action in (
        "s3:DeleteObjectVersion",
        "s3:GetObjectVersion",
        "s3:PutObjectRetention",
        "s3:PutObjectLegalHold",
        "s3:BypassGovernanceRetention",
        "s3:PutObjectTagging",
        "s3:ReplicateDelete",
    ):
        assert denied(run, action, ONCE[0], role)
        assert not denied(run, action, ONCE[0], "operator")
    for action in (
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
        "s3:PutLifecycleConfiguration",
        "s3:PutBucketVersioning",
        "s3:PutReplicationConfiguration",
        "s3:PutBucketObjectLockConfiguration",
        "s3:PutBucketPublicAccessBlock",
        "s3:DeleteBucket",
    ):
        assert denied(run, action, "", role)
        assert not denied(run, action, "", "operator")


@pytest.mark.parametrize(
    ("replication", "days"),
    [
        ({}, 30),
        ({"retention": {"dailyDays": 7}}, 30),
        ({"retention": {"dailyDays": 90}}, 90),
        ({"objectLock": {"mode": "governance", "days": 120}}, 120),
    ],
)
def test_old_versions_stay_as_long_as_checkpoints_and_locks(replication: dict[str, Any], days: int) -> None:
    rules = recorded(**replication).of(BUCKET_LIFECYCLE)[0].inputs["rules"]

    assert rules[0]["noncurrentVersionExpiration"] == {"noncurrentDays": days}


@pytest.mark.parametrize("mode", ["governance", "compliance"])
def test_a_lock_is_put_on_the_bucket_that_is_there_and_stays(mode: str) -> None:
    run = recorded(objectLock={"mode": mode, "days": 40})

    lock = run.assert_created(
        BUCKET_LOCK,
        "eu-west-1-replication-lock",
        {
            "bucket": NAME,
            "region": REGION,
            "rule": {"defaultRetention": {"mode": mode.upper(), "days": 40}},
        },
    )
    assert lock.retain_on_delete
    assert run.named("eu-west-1-replication-versioning").urn in lock.dependencies
    # This input would replace a bucket that exists.
    assert "objectLockEnabled" not in run.named("eu-west-1-replication-bucket").inputs
    assert not recorded().of(BUCKET_LOCK)
