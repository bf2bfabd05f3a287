"""The rules by which S3 copies each region's own prefix to the other regions' buckets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi_aws as aws
from pulumi import ComponentResource, ResourceOptions

from components.base import canonical
from components.replication_bucket import ReplicationBucket
from plan.iam import bucket_arn, replication_access, replication_trust
from settings.replication import Replication

TIME_CONTROL_MINUTES = 15
"""The only value that S3 Replication Time Control allows (source: S3 API reference, ReplicationTimeValue)."""


@dataclass(frozen=True, kw_only=True)
class ReplicationMeshArgs:
    role: str
    links: Mapping[str, tuple[str, ...]]
    """Destination regions by source region. A region without destinations is not in it."""
    bucket_names: Mapping[str, str]
    buckets: Mapping[str, ReplicationBucket]
    kms_keys: Mapping[str, str]
    """By region; empty: S3's own keys."""
    replication: Replication


class ReplicationMesh(ComponentResource):
    """One role for S3, and one rule for each pair of regions. S3 copies only what is written afterwards."""

    TYPE = "agency:replication_mesh:ReplicationMesh"

    def __init__(self, name: str, args: ReplicationMeshArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        child = ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-role", name=args.role, assume_role_policy=canonical(replication_trust()), opts=child
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            name="replication",
            role=role.name,
            policy=canonical(replication_access(args.links, args.bucket_names, args.kms_keys)),
            opts=child,
        )
        for region, targets in sorted(args.links.items()):
            settled = [each for name in (region, *targets) for each in args.buckets[name].settled]
            aws.s3.BucketReplicationConfig(
                f"{name}-rules@{region}",
                bucket=args.buckets[region].bucket.id,
                region=region,
                role=role.arn,
                rules=[
                    _rule(region, target, priority, args)
                    for priority, target in enumerate(sorted(targets), start=1)
                ],
                opts=ResourceOptions.merge(child, ResourceOptions(depends_on=[policy, *settled])),
            )
        self.register_outputs({"roleArn": role.arn})


def _rule(region: str, target: str, priority: int, args: ReplicationMeshArgs) -> Any:
    replication = args.replication
    destination: dict[str, Any] = {"bucket": bucket_arn(args.bucket_names[target])}
    encrypted: dict[str, Any] = {}
    if args.kms_keys:
        destination["encryption_configuration"] = {"replica_kms_key_id": args.kms_keys[target]}
        encrypted["source_selection_criteria"] = {"sse_kms_encrypted_objects": {"status": "Enabled"}}
    if replication.metrics:
        destination["metrics"] = {"status": "Enabled"}
    if replication.time_control:
        destination["metrics"] = {"status": "Enabled", "event_threshold": {"minutes": TIME_CONTROL_MINUTES}}
        destination["replication_time"] = {"status": "Enabled", "time": {"minutes": TIME_CONTROL_MINUTES}}
    return {
        "id": f"{region}-to-{target}",
        "priority": priority,
        "status": "Enabled",
        "filter": {"prefix": f"{region}/"},
        "delete_marker_replication": {"status": "Enabled" if replication.delete_markers else "Disabled"},
        "destination": destination,
        **encrypted,
    }
