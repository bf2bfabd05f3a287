"""The bucket with a region's checkpoints, and its protection."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import ComponentResource, ResourceOptions

from components.advice import Advice
from components.base import canonical
from plan.iam import bucket_policy

OLD_VERSIONS_DAYS = 30
STALLED_UPLOADS_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class ReplicationBucketArgs:
    bucket: str
    region: str
    adopt: bool
    """Import the bucket that was kept when the region left the stack."""
    advice: Advice


class ReplicationBucket(ComponentResource):
    """A versioned, encrypted bucket without public access or connections without TLS.

    All parts stay when the region leaves the stack (`retain_on_delete`): a kept bucket without its policy or
    its public access block would be less safe than before.
    """

    TYPE = "agency:replication_bucket:ReplicationBucket"

    bucket: aws.s3.Bucket
    versioning: aws.s3.BucketVersioning
    """Replication rules depend on it."""

    def __init__(self, name: str, args: ReplicationBucketArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        keep = ResourceOptions(parent=self, retain_on_delete=True)
        imported = ResourceOptions(import_=args.bucket if args.adopt else None, hooks=args.advice.bucket)
        self.bucket = aws.s3.Bucket(
            f"{name}-bucket",
            bucket=args.bucket,
            region=args.region,
            opts=ResourceOptions.merge(keep, imported),
        )
        self.versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=self.bucket.id,
            region=args.region,
            versioning_configuration={"status": "Enabled"},
            opts=keep,
        )
        self._close(name, args, keep)
        self._clean(name, args, keep)
        self.register_outputs({"bucket": self.bucket.id, "arn": self.bucket.arn})

    def _close(self, name: str, args: ReplicationBucketArgs, keep: ResourceOptions) -> None:
        bucket, region = self.bucket.id, args.region
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket,
            region=region,
            rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
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
            policy=canonical(bucket_policy(args.bucket)),
            opts=ResourceOptions.merge(keep, ResourceOptions(depends_on=[block])),
        )

    def _clean(self, name: str, args: ReplicationBucketArgs, keep: ResourceOptions) -> None:
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=self.bucket.id,
            region=args.region,
            rules=[
                {
                    "id": "old-versions",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "noncurrent_version_expiration": {"noncurrent_days": OLD_VERSIONS_DAYS},
                    "expiration": {"expired_object_delete_marker": True},
                },
                {
                    "id": "stalled-uploads",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "abort_incomplete_multipart_upload": {"days_after_initiation": STALLED_UPLOADS_DAYS},
                },
            ],
            opts=ResourceOptions.merge(keep, ResourceOptions(depends_on=[self.versioning])),
        )
