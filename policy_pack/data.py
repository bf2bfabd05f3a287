"""Protection of data against deletion and against access by others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity

from plan.names import COMPANY_LABEL
from policy_pack.writing import Problems, each, labels, listed, metadata, of_resources, of_the_stack

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


def _deletion(args: ResourceValidationArgs) -> Iterator[str]:
    if args.props.get("forceDestroy"):
        yield "forceDestroy is on: the bucket would be deleted with all of its objects"
    retention = (args.props.get("spec") or {}).get("persistentVolumeClaimRetentionPolicy") or {}
    for when in ("whenDeleted", "whenScaled"):
        if retention.get(when) == "Delete":
            yield f"its volumes are deleted ({when})"


def _protected(resources: Sequence[PolicyResource]) -> Problems:
    """Unprotected namespaces and volumes of companies that have a protected namespace."""
    protected: dict[str, bool] = {}
    for resource in resources:
        if resource.resource_type == NAMESPACE and COMPANY_LABEL in labels(resource.props):
            name = metadata(resource.props)["name"]
            protected[name] = protected.get(name, False) or resource.opts.protect
    for resource in resources:
        if resource.resource_type in (NAMESPACE, VOLUME_CLAIM):
            name = metadata(resource.props).get("namespace") or metadata(resource.props)["name"]
            if protected.get(name) and not resource.opts.protect:
                yield resource, f"the company {name} is protected, and this resource with its data is not"


def _unsafe(resources: Sequence[PolicyResource]) -> Problems:
    parts: dict[tuple[str, str], PolicyResource] = {}
    for resource in resources:
        for bucket in resource.property_dependencies.get("bucket", []):
            parts[bucket.urn, resource.resource_type] = resource
    buckets = [resource for resource in resources if resource.resource_type == BUCKET]

    def missing(pair: tuple[PolicyResource, str]) -> Problems:
        bucket, type_ = pair
        part, (message, is_safe) = parts.get((bucket.urn, type_)), PARTS[type_]
        if part is None or not is_safe(part.props):
            yield bucket, message

    yield from each(product(buckets, PARTS), missing)


def _is_versioned(props: Mapping[str, Any]) -> bool:
    return bool(props["versioningConfiguration"]["status"] == "Enabled")


def _is_encrypted(props: Mapping[str, Any]) -> bool:
    return all(rule.get("applyServerSideEncryptionByDefault") for rule in props["rules"])


def _refuses_plain_http(props: Mapping[str, Any]) -> bool:
    document = props["policy"]
    document = json.loads(document) if isinstance(document, str) else document
    return any(
        statement["Effect"] == "Deny"
        and "s3:*" in listed(statement.get("Action", []))
        and (statement.get("Condition") or {}).get("Bool", {}).get("aws:SecureTransport") == "false"
        for statement in listed(document["Statement"])
    )


PARTS = {
    VERSIONING: ("it is not versioned", _is_versioned),
    ENCRYPTION: ("it is not encrypted by default", _is_encrypted),
    PUBLIC_ACCESS: ("public access is not blocked", lambda props: all(map(props.get, BLOCKED))),
    OWNERSHIP: (
        "objects may belong to other accounts",
        lambda props: props["rule"]["objectOwnership"] == "BucketOwnerEnforced",
    ),
    POLICY: ("it can be used without TLS", _refuses_plain_http),
    LIFECYCLE: ("old versions are never deleted", lambda props: bool(props["rules"])),
}

POLICIES = (
    of_resources(
        "data-is-not-destroyed",
        Severity.CRITICAL,
        [BUCKET, STATEFUL_SET],
        "No bucket and no volume is deleted with the resource that uses it.",
        "Remove forceDestroy and persistentVolumeClaimRetentionPolicy.",
        _deletion,
    ),
    of_the_stack(
        "protected-companies-are-protected-whole",
        Severity.HIGH,
        "All volumes of a company with a protected namespace are protected, and the reverse.",
        "Set `protect: true` for the company in the stack file, not for a single resource.",
        _protected,
    ),
    of_the_stack(
        "buckets-are-safe",
        Severity.CRITICAL,
        "Buckets are versioned, encrypted, private, of one owner, require TLS and expire old versions.",
        "Create it with `components.replication_bucket.ReplicationBucket`, which does all of this.",
        _unsafe,
    ),
)
