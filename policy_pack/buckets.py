"""Buckets: private, encrypted, versioned, replicated, and nothing in them is lost by a rule."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity

from plan.iam import bucket_arn
from policy_pack.stack import BUCKET, ENCRYPTION, Stack, content, known
from policy_pack.trust import trusted
from policy_pack.writing import Problems, each, listed, of_resources, of_the_stack

VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
BLOCKED = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
ROLE_DIGEST = re.compile(r"-[0-9a-f]{8}\b")
"""The end of a role's name: of its region, among others."""
LEAST_DAYS = 30
"""For which replaced and deleted versions can be restored."""
INSTANT = ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", None)
"""Storage classes from which a restore reads at once."""


def _is_versioned(props: Mapping[str, Any], _: str) -> bool:
    return bool(props["versioningConfiguration"]["status"] == "Enabled")


def _is_encrypted(props: Mapping[str, Any], _: str) -> bool:
    """With S3's own keys, or with a KMS key of the bucket's region and a Bucket Key."""
    return bool(props["rules"]) and all(
        (default := rule.get("applyServerSideEncryptionByDefault") or {}).get("sseAlgorithm") == "AES256"
        or (
            default.get("sseAlgorithm") == "aws:kms"
            and str(default.get("kmsMasterKeyId")).startswith(f"arn:aws:kms:{props['region']}:")
            and rule.get("bucketKeyEnabled") is True
        )
        for rule in props["rules"]
    )


def _is_private(props: Mapping[str, Any], _: str) -> bool:
    return all(props.get(key) is True for key in BLOCKED)


def _is_of_one_owner(props: Mapping[str, Any], _: str) -> bool:
    return bool(props["rule"]["objectOwnership"] == "BucketOwnerEnforced")


def _refuses_plain_http(props: Mapping[str, Any], bucket: str) -> bool:
    whole = {bucket_arn(bucket), f"{bucket_arn(bucket)}/*"}
    return any(
        statement["Effect"] == "Deny"
        and statement.get("Principal") in ("*", {"AWS": "*"})
        and "s3:*" in listed(statement.get("Action", []))
        and whole <= set(listed(statement.get("Resource", [])))
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in listed(content(props["policy"])["Statement"])
    )


def _cleans_up(props: Mapping[str, Any], _: str) -> bool:
    """Whether old versions of all objects expire."""
    return any(
        rule["status"] == "Enabled" and _old_days(rule) and not _filtered(rule) for rule in props["rules"]
    )


def _filtered(rule: Mapping[str, Any]) -> bool:
    return bool(rule.get("prefix")) or any((rule.get("filter") or {}).values())


def _old_days(rule: Mapping[str, Any]) -> float:
    return float((rule.get("noncurrentVersionExpiration") or {}).get("noncurrentDays") or 0)


Part = Callable[[Mapping[str, Any], str], bool]
PARTS: dict[str, tuple[str, Part]] = {
    VERSIONING: ("it is not versioned", _is_versioned),
    ENCRYPTION: ("it is not encrypted by default", _is_encrypted),
    PUBLIC_ACCESS: ("public access is not blocked", _is_private),
    OWNERSHIP: ("objects may belong to other accounts", _is_of_one_owner),
    POLICY: ("it can be used without TLS", _refuses_plain_http),
    LIFECYCLE: ("old versions are never deleted", _cleans_up),
}


def _unsafe(resources: Sequence[PolicyResource]) -> Problems:
    """Each bucket has each part, once: AWS keeps the one that is written last."""
    stack = Stack(resources)
    parts: dict[tuple[str, str], list[PolicyResource]] = {}
    for resource in stack.of(*PARTS):
        for bucket in resource.property_dependencies.get("bucket", []):
            parts.setdefault((bucket.urn, resource.resource_type), []).append(resource)

    def missing(pair: tuple[PolicyResource, str]) -> Problems:
        bucket, type_ = pair
        found, (message, is_safe) = parts.get((bucket.urn, type_), []), PARTS[type_]
        if len(found) > 1:
            yield bucket, f"it has several parts of one kind: {', '.join(each.name for each in found)}"
        elif not found or not is_safe(found[0].props, bucket.props["bucket"]):
            yield bucket, message

    yield from each(product(stack.of(BUCKET), PARTS), missing)
    yield from _unlike(stack)


def _unlike(stack: Stack) -> Problems:
    """A bucket whose policy denies less than those of the others."""
    names = sorted({*stack.buckets, *stack.buckets.values()}, key=len, reverse=True)
    found: dict[frozenset[str], list[PolicyResource]] = {}
    for policy in stack.of(POLICY):
        statements = listed(content(policy.props["policy"])["Statement"])
        found.setdefault(frozenset(_shape(each, names) for each in statements), []).append(policy)
    for policies in sorted(found.values(), key=len)[:-1]:
        yield policies[0], "its policy denies something else than those of the other buckets"


def _shape(statement: Mapping[str, Any], names: Sequence[str]) -> str:
    """What a statement says, whatever the bucket and the regions that it names."""
    texts = {key: json.dumps(value, sort_keys=True) for key, value in statement.items() if key != "Sid"}
    for name in names:
        texts = {key: text.replace(name, "*") for key, text in texts.items()}
    texts = {key: ROLE_DIGEST.sub("-*", text) for key, text in texts.items()}
    return json.dumps({key: _unordered(json.loads(text)) for key, text in texts.items()}, sort_keys=True)


def _unordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unordered(item) for key, item in value.items()}
    return sorted(set(value)) if isinstance(value, list) else value


def _losses(args: ResourceValidationArgs) -> Iterator[str]:
    if args.resource_type == LIFECYCLE:
        yield from each(args.props["rules"], _expiring)
    elif args.resource_type == POLICY:
        for statement in listed(content(args.props["policy"])["Statement"]):
            if statement["Effect"] != "Deny":
                yield f"the bucket's policy allows something: {statement.get('Sid', 'a statement')}"


def _expiring(rule: Mapping[str, Any]) -> Iterator[str]:
    """Rules that are disabled count, too: nothing is to be switched on later."""
    expiration = rule.get("expiration") or {}
    if expiration.get("days") or expiration.get("date"):
        yield f"the rule {rule.get('id')} deletes current objects"
    if 0 < _old_days(rule) < LEAST_DAYS:
        yield f"the rule {rule.get('id')} deletes old versions before {LEAST_DAYS} days"


def _replication(resources: Sequence[PolicyResource]) -> Problems:
    """Every copy that the role of replication may write is written, and no other."""
    stack = Stack(resources)
    copied: set[tuple[str, str]] = set()
    configs = list(stack.of(REPLICATION))
    for config in configs:
        source = stack.buckets.get(_bucket_of(config), "")
        role = stack.role(config, "role", known(config.props, "role"))
        if role is None or not trusted(role, stack).s3:
            yield config, "its role is none of the stack's for replication"
        for rule in config.props["rules"]:
            target = stack.buckets.get(str(rule["destination"]["bucket"]).removeprefix("arn:aws:s3:::"))
            if target is None or target == source:
                yield config, f"the rule {rule.get('id')} does not replicate to another bucket of the stack"
            elif rule["destination"].get("storageClass") not in INSTANT:
                yield config, f"the rule {rule.get('id')} replicates to an archive"
            elif _key_of_copies(rule) != stack.keys.get(target):
                yield (
                    config,
                    f"the rule {rule.get('id')} leaves out what a KMS key encrypts, or has another key",
                )
            elif rule["status"] == "Enabled" and _covers(rule, source):
                copied.add((source, target))
    for policy in stack.of(ROLE_POLICY):
        for pair in sorted(_copies(policy, stack) - copied):
            yield policy, f"no enabled rule replicates all that {pair[0]} writes to {pair[1]}"


def _bucket_of(resource: PolicyResource) -> str:
    """The name of the bucket that a resource is a part of, whose id a first preview does not know."""
    own = [each for each in resource.property_dependencies.get("bucket", []) if each.resource_type == BUCKET]
    name = known(resource.props, "bucket")
    return str(name if name or len(own) != 1 else own[0].props["bucket"])


def _covers(rule: Mapping[str, Any], region: str) -> bool:
    """Whether a rule is for all that a region writes."""
    chosen = {key: value for key, value in (rule.get("filter") or {}).items() if value}
    return (rule.get("prefix") or chosen.pop("prefix", "")) in ("", f"{region}/") and not chosen


def _key_of_copies(rule: Mapping[str, Any]) -> str | None:
    """The KMS key of the copies of what a KMS key encrypts; None where S3 leaves such objects out."""
    selected = (rule.get("sourceSelectionCriteria") or {}).get("sseKmsEncryptedObjects") or {}
    key: str | None = (rule["destination"].get("encryptionConfiguration") or {}).get("replicaKmsKeyId")
    return key if selected.get("status") == "Enabled" else None


def _copies(policy: PolicyResource, stack: Stack) -> set[tuple[str, str]]:
    """Source and target of the copies that a role may write."""
    found: set[tuple[str, str]] = set()
    for statement in listed(content(policy.props["policy"]).get("Statement", [])):
        if "s3:ReplicateObject" in listed(statement.get("Action", [])):
            for resource in listed(statement.get("Resource", [])):
                bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
                found.add((key.partition("/")[0], stack.buckets.get(bucket, bucket)))
    return found


POLICIES = (
    of_the_stack(
        "buckets-are-safe",
        Severity.CRITICAL,
        "Buckets are versioned, encrypted, private, of one owner, require TLS and expire old versions.",
        "Create it with `components.replication_bucket.ReplicationBucket`, which does all of this.",
        _unsafe,
    ),
    of_resources(
        "buckets-lose-nothing",
        Severity.CRITICAL,
        [LIFECYCLE, POLICY],
        f"No rule deletes current objects or versions of {LEAST_DAYS} days; bucket policies only deny.",
        "Let only old versions and stalled uploads expire; give rights to roles, see `plan/iam.py`.",
        _losses,
    ),
    of_the_stack(
        "copies-are-replicated",
        Severity.CRITICAL,
        "All that a region writes is replicated to each bucket that the role of replication may write.",
        "Change `regions[].replicateTo`, from which rules and rights follow.",
        _replication,
    ),
)
