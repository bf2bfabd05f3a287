"""The bucket with a region's checkpoints, and its protection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import ComponentResource, ResourceOptions

from components.advice import Advice
from components.base import canonical
from plan.iam import Document
from settings.replication import Replication

OLD_VERSIONS_DAYS = 30
"""At least. As long as checkpoints are kept, and objects are locked."""
STALLED_UPLOADS_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class ReplicationBucketArgs:
    bucket: str
    region: str
    adopt: bool
    """Import the bucket that was kept when the region left the stack."""
    policy: Document
    kms_key: str | None
    """ARN; None: S3's own keys."""
    replication: Replication
    advice: Advice


class ReplicationBucket(ComponentResource):
    """A versioned, encrypted bucket without public access or connections without TLS; with Object Lock if the
    settings have it.

    All parts stay when the region leaves the stack (`retain_on_delete`): a kept bucket without its policy or
    its public access block would be less safe than before.
    """

    TYPE = "agency:replication_bucket:ReplicationBucket"

    bucket: aws.s3.Bucket
    versioning: aws.s3.BucketVersioning
    settled: list[pulumi.Resource]
    """Replication rules depend on these: versioning, and the lock."""

    def __init__(self, name: str, args: ReplicationBucketArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        keep = ResourceOptions(parent=self, retain_on_delete=True)
        imported = ResourceOptions(
            import_=f"{args.bucket}@{args.region}" if args.adopt else None, hooks=args.advice.bucket
        )
        self.bucket = aws.s3.Bucket(
            f"{name}-bucket",
            bucket=args.bucket,
            region=args.region,
            opts=ResourceOptions.merge(keep, imported),
        )
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=self.bucket.id,
            region=args.region,
            versioning_configuration={"status": "Enabled"},
            opts=keep,
        )
        after = ResourceOptions.merge(keep, ResourceOptions(depends_on=[versioning]))
        self.settled = [versioning, *self._lock(name, args, after)]
        self._close(name, args, keep)
        self._clean(name, args, after)
        self.register_outputs({"bucket": self.bucket.id, "arn": self.bucket.arn})

    def _close(self, name: str, args: ReplicationBucketArgs, keep: ResourceOptions) -> None:
        bucket, region = self.bucket.id, args.region
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket,
            region=region,
            rules=[_encryption(args.kms_key)],
            opts=keep,
        )
        block = aws.s3.BucketPublicAccessBlock(
            f"{name}-public-access",
            bucket=bucket,
            region=region,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=keep,
        )
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket,
            region=region,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=keep,
        )
        # S3 rejects simultaneous changes of a policy and the public access block.
        aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket,
            region=region,
            policy=canonical(args.policy),
            opts=ResourceOptions.merge(keep, ResourceOptions(depends_on=[block])),
        )

    def _lock(self, name: str, args: ReplicationBucketArgs, opts: ResourceOptions) -> list[pulumi.Resource]:
        """Also of a bucket that exists. The bucket's own argument `object_lock_enabled` would replace it."""
        lock = args.replication.object_lock
        if lock is None:
            return []
        return [
            aws.s3.BucketObjectLockConfiguration(
                f"{name}-lock",
                bucket=self.bucket.id,
                region=args.region,
                object_lock_enabled="Enabled",
                rule={"default_retention": {"mode": lock.mode.value.upper(), "days": lock.days}},
                opts=opts,
            )
        ]

    def _clean(self, name: str, args: ReplicationBucketArgs, opts: ResourceOptions) -> None:
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=self.bucket.id,
            region=args.region,
            rules=[
                {
                    "id": "old-versions",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "noncurrent_version_expiration": {"noncurrent_days": old_versions_days(args.replication)},
                    "expiration": {"expired_object_delete_marker": True},
                },
                {
                    "id": "stalled-uploads",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "abort_incomplete_multipart_upload": {"days_after_initiation": STALLED_UPLOADS_DAYS},
                },
            ],
            opts=opts,
        )


def _encryption(kms_key: str | None) -> Any:
    if kms_key is None:
        return {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    return {
        "apply_server_side_encryption_by_default": {
            "sse_algorithm": "aws:kms",
            "kms_master_key_id": kms_key,
        },
        "bucket_key_enabled": True,
    }


def old_versions_days(replication: Replication) -> int:
    """For how many days a version stays after it was overwritten or deleted."""
    locked = replication.object_lock.days if replication.object_lock else 0
    return max(OLD_VERSIONS_DAYS, replication.retention.daily_days, locked)
