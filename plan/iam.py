"""IAM documents and bucket policies, as plain dictionaries.

A sidecar's rights are limited to its company's prefix. With Pod Identity one role serves a whole region: the
prefix then contains the session's tag `kubernetes-namespace`, which EKS sets and a pod cannot choose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]

SESSION_NAMESPACE = "${aws:PrincipalTag/kubernetes-namespace}"
"""A Pod Identity session's namespace (source: EKS user guide, "Grant Pods access based on tags")."""

BACKFILL_REPORTS = "_backfill"
"""Prefix of batch jobs' failure reports. It is outside the regions' prefixes, so S3 does not replicate it."""


def bucket_arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"


def _document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str], **rest: Any) -> Document:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources), **rest}


def replica_access(
    *, region: str, buckets: Mapping[str, str], namespace: str = SESSION_NAMESPACE
) -> Document:
    """What the sidecars of a region may do: write their own prefix, read their company's in every region.

    `buckets` maps each region of the stack to its bucket's name. There is a resource for each region rather
    than a wildcard: `*` also matches `/`, so `*/brain/*` would open every company's files to a company of
    that name. No right deletes an object's version, so uploaded files can always be restored.
    """
    prefixes = [f"{writer}/{namespace}/*" for writer in sorted(buckets)]
    arns = [bucket_arn(bucket) for _, bucket in sorted(buckets.items())]
    own = f"{bucket_arn(buckets[region])}/{region}/{namespace}/*"
    writes = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    return _document(
        _allow("WriteOwnPrefix", writes, [own]),
        _allow(
            "ReadOwnCompany", ["s3:GetObject"], [f"{arn}/{prefix}" for arn in arns for prefix in prefixes]
        ),
        _allow(
            "ListOwnCompany",
            ["s3:ListBucket"],
            arns,
            Condition={"StringLike": {"s3:prefix": prefixes}},
        ),
    )


def pod_identity_trust(service_accounts: Sequence[str]) -> Document:
    """Trust in EKS Pod Identity for these service accounts, in any namespace."""
    return _document(
        {
            "Sid": "PodIdentity",
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {"aws:RequestTag/kubernetes-service-account": list(service_accounts)}
            },
        }
    )


def irsa_trust(oidc_provider_arn: str, namespace: str, service_accounts: Sequence[str]) -> Document:
    """Trust in a cluster's OIDC provider for these service accounts of one namespace."""
    issuer = oidc_provider_arn.partition(":oidc-provider/")[2]
    subjects = [f"system:serviceaccount:{namespace}:{account}" for account in service_accounts]
    return _document(
        {
            "Sid": "ServiceAccounts",
            "Effect": "Allow",
            "Principal": {"Federated": oidc_provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subjects}},
        }
    )


def no_trust() -> Document:
    """A role that cannot be assumed yet: its cluster's OIDC provider is unknown."""
    return _document(
        {"Sid": "Nobody", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    )


def replication_trust() -> Document:
    """Trust in S3, for new objects, and in S3 batch jobs, for existing objects.

    Without `aws:SourceAccount`: the S3 user guide documents no condition key that batch jobs send, and
    `iam:PassRole`, which creating a job needs, is limited to the account anyway.
    """
    return _document(
        {
            "Sid": "Replication",
            "Effect": "Allow",
            "Principal": {"Service": ["batchoperations.s3.amazonaws.com", "s3.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    )


def replication_access(links: Mapping[str, Sequence[str]], buckets: Mapping[str, str]) -> Document:
    """What S3 may do to copy each region's own prefix (source: S3 user guide, "Setting up permissions").

    `links` maps each replicating region to its target regions, `buckets` a region to its bucket's name.
    Batch jobs (`python -m ops backfill`) need `InitiateReplication`, `PutInventoryConfiguration` for the list
    of objects that S3 generates, and `PutObject` for the failure report (source: S3 user guide, "Configuring
    an IAM role for S3 Batch Replication").
    """
    sources = sorted(links)
    configuration = ["s3:GetReplicationConfiguration", "s3:ListBucket", "s3:PutInventoryConfiguration"]
    read = [
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionTagging",
        "s3:InitiateReplication",
    ]
    write = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]
    copies = sorted((source, target) for source in sources for target in links[source])
    return _document(
        _allow("Configuration", configuration, [bucket_arn(buckets[region]) for region in sources]),
        _allow("ReadSources", read, [f"{bucket_arn(buckets[region])}/{region}/*" for region in sources]),
        _allow(
            "WriteCopies", write, [f"{bucket_arn(buckets[target])}/{source}/*" for source, target in copies]
        ),
        _allow(
            "WriteReports",
            ["s3:PutObject"],
            [f"{bucket_arn(buckets[region])}/{BACKFILL_REPORTS}/*" for region in sources],
        ),
    )


def bucket_policy(bucket: str) -> Document:
    """Denies all requests without TLS."""
    arn = bucket_arn(bucket)
    return _document(
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )
