"""Data that nothing destroys, in buckets that nobody else reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity

from plan.names import COMPANY_LABEL
from policy_pack.writing import Found, each, labels, listed, metadata, of_resources, of_the_stack

STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"
VOLUME_CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
NAMESPACE = "kubernetes:core/v1:Namespace"
BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
BLOCKED = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def _destroyed(args: ResourceValidationArgs) -> Iterator[str]:
    if args.props.get("forceDestroy"):
        yield "forceDestroy is on: the bucket would go with all that is in it"
    retention = (args.props.get("spec") or {}).get("persistentVolumeClaimRetentionPolicy") or {}
    for when in ("whenDeleted", "whenScaled"):
        if retention.get(when) == "Delete":
            yield f"its volumes are deleted ({when})"


def _protected(resources: Sequence[PolicyResource]) -> Found:
    """A company whose namespace is protected has all its volumes protected, and the other way round."""
    said: dict[str, bool] = {}
    for one in resources:
        if one.resource_type == NAMESPACE and COMPANY_LABEL in labels(one.props):
            name = metadata(one.props)["name"]
            said[name] = said.get(name, False) or one.opts.protect
    for one in resources:
        if one.resource_type in (NAMESPACE, VOLUME_CLAIM):
            name = metadata(one.props).get("namespace") or metadata(one.props)["name"]
            if said.get(name) and not one.opts.protect:
                yield one, f"the company {name} is protected, and this of its data is not"


def _unsafe(resources: Sequence[PolicyResource]) -> Found:
    parts: dict[tuple[str, str], PolicyResource] = {}
    for one in resources:
        for bucket in one.property_dependencies.get("bucket", []):
            parts[bucket.urn, one.resource_type] = one
    buckets = [one for one in resources if one.resource_type == BUCKET]

    def missing(asked: tuple[PolicyResource, str]) -> Found:
        bucket, type_ = asked
        part, (told, holds) = parts.get((bucket.urn, type_)), PARTS[type_]
        if part is None or not holds(part.props):
            yield bucket, told

    yield from each(product(buckets, PARTS), missing)


def _is_versioned(props: Mapping[str, Any]) -> bool:
    return bool(props["versioningConfiguration"]["status"] == "Enabled")


def _is_encrypted(props: Mapping[str, Any]) -> bool:
    return all(one.get("applyServerSideEncryptionByDefault") for one in props["rules"])


def _refuses_plain_http(props: Mapping[str, Any]) -> bool:
    document = props["policy"]
    document = json.loads(document) if isinstance(document, str) else document
    return any(
        one["Effect"] == "Deny"
        and "s3:*" in listed(one["Action"])
        and (one.get("Condition") or {}).get("Bool", {}).get("aws:SecureTransport") == "false"
        for one in listed(document["Statement"])
    )


PARTS = {
    VERSIONING: ("it is not versioned", _is_versioned),
    ENCRYPTION: ("it is not encrypted by default", _is_encrypted),
    PUBLIC_ACCESS: ("public access is not blocked", lambda props: all(props.get(one) for one in BLOCKED)),
    OWNERSHIP: (
        "objects may belong to others",
        lambda props: props["rule"]["objectOwnership"] == "BucketOwnerEnforced",
    ),
    POLICY: ("it can be used without TLS", _refuses_plain_http),
    LIFECYCLE: ("old versions stay for ever", lambda props: bool(props["rules"])),
}

POLICIES = (
    of_resources(
        "data-is-not-destroyed",
        Severity.CRITICAL,
        [BUCKET, STATEFUL_SET],
        "Neither a bucket nor a volume is deleted with what uses it.",
        "Take forceDestroy and persistentVolumeClaimRetentionPolicy away.",
        _destroyed,
    ),
    of_the_stack(
        "protected-companies-are-protected-whole",
        Severity.HIGH,
        "Where a company's namespace is protected, so are all of its volumes.",
        "Say `protect: true` of the company in the stack file, not of a resource.",
        _protected,
    ),
    of_the_stack(
        "buckets-are-safe",
        Severity.CRITICAL,
        "Buckets are versioned, encrypted, private, owned by one account, reached by TLS alone, and tidied.",
        "Make it with `components.replication_bucket.ReplicationBucket`, which brings all of it.",
        _unsafe,
    ),
)
