"""Buckets: private, encrypted, versioned, and nothing in them is lost by a rule."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity

from plan.iam import bucket_arn
from policy_pack.stack import BUCKET, ENCRYPTION, Stack, content
from policy_pack.writing import Problems, each, listed, of_resources, of_the_stack

VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
BLOCKED = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
ROLE_DIGEST = re.compile(r"-[0-9a-f]{8}\b")
"""The end of a role's name: of its region, among others."""
LEAST_DAYS = 30
"""For which replaced and deleted versions can be restored."""


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
)
