"""Replication by S3: each rule copies all that a region writes, and its role can do that work and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi_policy import PolicyResource, Severity

from plan.iam import BACKFILL_REPORTS, bucket_arn
from plan.iam_evaluator import Request
from policy_pack.keys import THROUGH
from policy_pack.stack import BUCKET, ROLE_POLICY, Stack, content, known
from policy_pack.trust import trusted
from policy_pack.writing import Problems, listed, of_the_stack

CONFIG = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
INSTANT = ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", None)
"""Storage classes from which a restore reads at once."""
OF_BUCKETS = {
    "s3:GetReplicationConfiguration", "s3:ListBucket", "s3:PutInventoryConfiguration",
    "s3:GetBucketObjectLockConfiguration",
}  # fmt: skip
OF_SOURCES = {
    "s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging",
    "s3:GetObjectRetention", "s3:GetObjectLegalHold", "s3:InitiateReplication",
}  # fmt: skip
OF_REPLICAS = {"s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"}
RIGHTS = {"bucket": OF_BUCKETS, "own": OF_SOURCES, "replicas": OF_REPLICAS, "reports": {"s3:PutObject"}}
"""What S3 may do: with a bucket, with what the bucket's region wrote, with replicas in it, with reports."""
NOT_NEEDED = {"s3:GetBucketObjectLockConfiguration"}
"""Without Object Lock."""


def may(action: str, region: str, key: str, stack: Stack) -> bool:
    """Whether S3 may do this with a key of a region's bucket; the key may have a wildcard at its end."""
    return action in RIGHTS.get(_part(region, key, stack), ())


def _part(region: str, key: str, stack: Stack) -> str:
    writer = key.partition("/")[0]
    if not key:
        return "bucket"
    if writer == BACKFILL_REPORTS:
        return "reports"
    if writer == region:
        return "own"
    return "replicas" if writer in stack.buckets.values() else "none"


def work(stack: Stack) -> Iterator[Request]:
    """A request of each kind that S3 makes for the rules of a stack, `python -m ops backfill` included."""
    buckets = {region: bucket_arn(bucket) for bucket, region in stack.buckets.items()}
    for source, target in sorted(links(stack)):
        for actions, resource in (
            (OF_BUCKETS - NOT_NEEDED, buckets[source]),
            (OF_SOURCES, f"{buckets[source]}/{source}/x"),
            (OF_REPLICAS, f"{buckets[target]}/{source}/x"),
            (RIGHTS["reports"], f"{buckets[source]}/{BACKFILL_REPORTS}/x"),
        ):
            yield from (Request(action=action, resource=resource) for action in sorted(actions))
        for region, needed in ((source, {"Decrypt"}), (target, {"Encrypt", "GenerateDataKey"})):
            if key := stack.keys.get(region):
                through = {THROUGH: f"s3.{region}.amazonaws.com"}
                yield from (
                    Request(action=f"kms:{each}", resource=key, context=through) for each in sorted(needed)
                )


def links(stack: Stack) -> set[tuple[str, str]]:
    """Source and target of what enabled rules copy whole."""
    return {
        (source, target)
        for config in stack.of(CONFIG)
        for rule in config.props["rules"]
        if (source := stack.buckets.get(_bucket_of(config), ""))
        and (target := _target(rule, stack)) not in (None, source)
        and rule["status"] == "Enabled"
        and _covers(rule, source)
    }


def _replication(resources: Sequence[PolicyResource]) -> Problems:
    """Every copy that the role of replication may write is written, and no other."""
    stack = Stack(resources)
    for config in stack.of(CONFIG):
        source = stack.buckets.get(_bucket_of(config), "")
        role = stack.role(config, "role", known(config.props, "role"))
        if role is None or not trusted(role, stack).s3:
            yield config, "its role is none of the stack's for replication"
        for rule in config.props["rules"]:
            target = _target(rule, stack)
            if target in (None, source):
                yield config, f"the rule {rule.get('id')} does not replicate to another bucket of the stack"
            elif rule["destination"].get("storageClass") not in INSTANT:
                yield config, f"the rule {rule.get('id')} replicates to an archive"
            elif _replica_key(rule) != stack.keys.get(target):
                yield (
                    config,
                    f"the rule {rule.get('id')} leaves out what a KMS key encrypts, or has another key",
                )
    replicated = links(stack)
    for policy in stack.of(ROLE_POLICY):
        for pair in sorted(_replicas(policy, stack) - replicated):
            yield policy, f"no enabled rule replicates all that {pair[0]} writes to {pair[1]}"


def _target(rule: Mapping[str, Any], stack: Stack) -> str | None:
    return stack.buckets.get(str(rule["destination"]["bucket"]).removeprefix("arn:aws:s3:::"))


def _bucket_of(resource: PolicyResource) -> str:
    """The name of the bucket that a resource is a part of, whose id a first preview does not know."""
    own = [each for each in resource.property_dependencies.get("bucket", []) if each.resource_type == BUCKET]
    name = known(resource.props, "bucket")
    return str(name if name or len(own) != 1 else own[0].props["bucket"])


def _covers(rule: Mapping[str, Any], region: str) -> bool:
    """Whether a rule is for all that a region writes."""
    chosen = {key: value for key, value in (rule.get("filter") or {}).items() if value}
    return (rule.get("prefix") or chosen.pop("prefix", "")) in ("", f"{region}/") and not chosen


def _replica_key(rule: Mapping[str, Any]) -> str | None:
    """The KMS key for replicas of KMS-encrypted objects; None where S3 does not replicate such objects."""
    selected = (rule.get("sourceSelectionCriteria") or {}).get("sseKmsEncryptedObjects") or {}
    key: str | None = (rule["destination"].get("encryptionConfiguration") or {}).get("replicaKmsKeyId")
    return key if selected.get("status") == "Enabled" else None


def _replicas(policy: PolicyResource, stack: Stack) -> set[tuple[str, str]]:
    """Source and target of the replicas that a role may write."""
    found: set[tuple[str, str]] = set()
    for statement in listed(content(policy.props["policy"]).get("Statement", [])):
        if "s3:ReplicateObject" in listed(statement.get("Action", [])):
            for resource in listed(statement.get("Resource", [])):
                bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
                found.add((key.partition("/")[0], stack.buckets.get(bucket, bucket)))
    return found


POLICIES = (
    of_the_stack(
        "copies-are-replicated",
        Severity.CRITICAL,
        "All that a region writes is replicated to each bucket that the role of replication may write.",
        "Change `regions[].replicateTo`, from which rules and rights follow.",
        _replication,
    ),
)
