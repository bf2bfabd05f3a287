"""IAM documents and bucket policies, as plain dictionaries.

A gate's rights are limited to its company's prefix and to its component's part of it. With Pod Identity one
role serves a component in a whole region: the prefix then contains the session's tag `kubernetes-namespace`,
which EKS sets and a pod cannot choose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plan.names import RoleNames, service_account_name
from runtime.contracts.gate import COMPONENTS
from runtime.gate.storage.keys import CHECKPOINTS, DATA, DIVERGED, OBJECTS, REQUESTS, WRITE_ONCE

Document = dict[str, Any]

NAMESPACE_TAG = "aws:PrincipalTag/kubernetes-namespace"
SESSION_NAMESPACE = f"${{{NAMESPACE_TAG}}}"
"""A Pod Identity session's namespace (source: EKS user guide, "Grant Pods access based on tags")."""

SESSION_ACCOUNT = "aws:PrincipalTag/kubernetes-service-account"

PARTS = (DATA, OBJECTS, CHECKPOINTS, DIVERGED)
"""Folders below a component's prefix in which its gate writes and deletes."""

WRITES = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
GATE_ACTIONS = [*WRITES, "s3:GetObject", "s3:ListBucket"]

BACKFILL_REPORTS = "_backfill"
"""Prefix of batch jobs' failure reports. It is outside the regions' prefixes, so S3 does not replicate it."""


def bucket_arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"


def _document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str], **rest: Any) -> Document:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources), **rest}


def gate_access(
    *,
    region: str,
    component: str,
    buckets: Mapping[str, str],
    keys: Mapping[str, str],
    namespace: str = SESSION_NAMESPACE,
) -> Document:
    """What the gates of a component may do in a region: write their own prefix in the parts that a gate
    writes, read their company's same component in every region.

    `buckets` maps each region of the stack to its bucket's name, `keys` to its KMS key's ARN (empty: S3's own
    keys). There is a resource for each region rather than a wildcard: `*` also matches `/`, so `*/brain/*`
    would open every company's files to a company of that name. No right deletes an object's version, so
    uploaded files can always be restored, and none reaches `_orders/`, where operators ask for something.
    """
    own = f"{bucket_arn(buckets[region])}/{region}/{namespace}/{component}"
    parts = [f"{own}/{part}/*" for part in PARTS]
    prefixes = [f"{writer}/{namespace}/{component}/*" for writer in sorted(buckets)]
    writes = _allow("WriteOwnParts", WRITES, parts)
    return _document(writes, *_reads(buckets, prefixes), *_gate_keys(region, keys))


def earlier_access(*, region: str, buckets: Mapping[str, str], keys: Mapping[str, str]) -> Document:
    """What the sessions of the role may do that both components of a region had before each had its own.

    The session's tag `kubernetes-service-account` tells whose session it is: it writes that component's
    parts alone.
    """
    own = f"{bucket_arn(buckets[region])}/{region}/{SESSION_NAMESPACE}"
    writes = [
        _allow(
            f"Write{component.capitalize()}",
            WRITES,
            [f"{own}/{component}/{part}/*" for part in PARTS],
            Condition={"StringEquals": {SESSION_ACCOUNT: service_account_name(component, region)}},
        )
        for component in COMPONENTS
    ]
    reads = _reads(buckets, [f"{writer}/{SESSION_NAMESPACE}/*" for writer in sorted(buckets)])
    return _document(*writes, *reads, *_gate_keys(region, keys))


def _reads(buckets: Mapping[str, str], prefixes: Sequence[str]) -> tuple[Document, Document]:
    arns = [bucket_arn(bucket) for _, bucket in sorted(buckets.items())]
    objects = [f"{arn}/{prefix}" for arn in arns for prefix in prefixes]
    listed = _allow("List", ["s3:ListBucket"], arns, Condition={"StringLike": {"s3:prefix": list(prefixes)}})
    return _allow("Read", ["s3:GetObject"], objects), listed


def _gate_keys(region: str, keys: Mapping[str, str]) -> list[Document]:
    """Gates write with their region's key, and read with all; a multipart upload also decrypts."""
    if not keys:
        return []
    return [
        _use_keys("WriteWithKey", ["kms:GenerateDataKey"], keys, [region]),
        _use_keys("ReadWithKeys", ["kms:Decrypt"], keys, sorted(keys)),
    ]


def _use_keys(sid: str, actions: Sequence[str], keys: Mapping[str, str], regions: Sequence[str]) -> Document:
    """Through S3 alone, whose own rights decide which objects."""
    via = {"StringEquals": {"kms:ViaService": [f"s3.{region}.amazonaws.com" for region in regions]}}
    return _allow(sid, actions, [keys[region] for region in regions], Condition=via)


def pod_identity_trust(service_accounts: Sequence[str], clusters: str) -> Document:
    """Trust in EKS Pod Identity for these service accounts, in any namespace of these clusters.

    `clusters` is an ARN, or a pattern of ARNs: EKS sends the ARN of the pod's cluster, with its account and
    its region, as a tag of each request (source: EKS user guide, "List of session tags added by EKS Pod
    Identity"). The guide documents neither `aws:SourceAccount` nor `aws:SourceArn` for these requests.
    """
    return _document(
        {
            "Sid": "PodIdentity",
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {"aws:RequestTag/kubernetes-service-account": list(service_accounts)},
                "StringLike": {"aws:RequestTag/eks-cluster-arn": clusters},
            },
        }
    )


def cluster_arns(account: str, region: str | None, cluster: str | None) -> str:
    """A cluster's ARN; the pattern of all clusters of the account where its name is unknown."""
    return f"arn:aws:eks:{region if cluster else '*'}:{account}:cluster/{cluster or '*'}"


def oidc_provider_arn(account: str, issuer: str) -> str:
    """The ARN of an IAM OIDC provider. `issuer` is the URL that EKS gives a cluster."""
    return f"arn:aws:iam::{account}:oidc-provider/{issuer.removeprefix('https://')}"


def irsa_trust(oidc_provider_arn: str, namespace: str, service_account: str) -> Document:
    """Trust in a cluster's OIDC provider for a service account of one namespace. The provider's ARN names
    the account and the cluster."""
    issuer = oidc_provider_arn.partition(":oidc-provider/")[2]
    subject = f"system:serviceaccount:{namespace}:{service_account}"
    return _document(
        {
            "Sid": "ServiceAccount",
            "Effect": "Allow",
            "Principal": {"Federated": oidc_provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject}},
        }
    )


def no_trust() -> Document:
    """A role that cannot be assumed yet: its cluster's OIDC provider is unknown."""
    return _document(
        {"Sid": "Nobody", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    )


def replication_trust() -> Document:
    """Trust in S3, for new objects, and in S3 batch jobs, for existing objects.

    Without `aws:SourceAccount`: the S3 user guide documents no condition key for either, and
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


def replication_access(
    links: Mapping[str, Sequence[str]], buckets: Mapping[str, str], keys: Mapping[str, str]
) -> Document:
    """What S3 may do to copy each region's own prefix (source: S3 user guide, "Setting up permissions").

    `links` maps each replicating region to its target regions, `buckets` a region to its bucket's name.
    Batch jobs (`python -m ops backfill`) need `InitiateReplication`, `PutInventoryConfiguration` for the list
    of objects that S3 generates, and `PutObject` for the failure report (source: S3 user guide, "Configuring
    an IAM role for S3 Batch Replication"). With S3 Bucket Keys the role decrypts with a copy's key, too
    (source: S3 user guide, "Using an S3 Bucket Key with replication").
    """
    sources = sorted(links)
    configuration = ["s3:GetReplicationConfiguration", "s3:ListBucket", "s3:PutInventoryConfiguration"]
    read = [
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionTagging",
        "s3:GetObjectRetention",
        "s3:GetObjectLegalHold",
        "s3:InitiateReplication",
    ]
    write = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]
    pairs = sorted((source, target) for source in sources for target in links[source])
    return _document(
        _allow("Configuration", configuration, [bucket_arn(buckets[region]) for region in sources]),
        _allow("ReadSources", read, [f"{bucket_arn(buckets[region])}/{region}/*" for region in sources]),
        _allow(
            "WriteCopies", write, [f"{bucket_arn(buckets[target])}/{source}/*" for source, target in pairs]
        ),
        _allow(
            "WriteReports",
            ["s3:PutObject"],
            [f"{bucket_arn(buckets[region])}/{BACKFILL_REPORTS}/*" for region in sources],
        ),
        *_replication_keys(links, keys),
    )


def _replication_keys(links: Mapping[str, Sequence[str]], keys: Mapping[str, str]) -> list[Document]:
    if not keys:
        return []
    targets = sorted({target for each in links.values() for target in each})
    write = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
    return [
        # Generating is for reports.
        _use_keys("ReadWithKeys", ["kms:Decrypt", "kms:GenerateDataKey"], keys, sorted(links)),
        _use_keys("WriteWithKeys", write, keys, targets),
    ]


def bucket_policy(roles: RoleNames, region: str, buckets: Mapping[str, str]) -> Document:
    """Of a region's bucket. It denies requests without TLS, and to every region's gates whatever harms
    uploaded snapshots.

    Gates of earlier versions upload without `If-None-Match`: so only the roles of today's gates must send it
    (source: S3 user guide, "Enforce conditional writes on Amazon S3 buckets").
    """
    arn = bucket_arn(buckets[region])
    everything = [arn, f"{arn}/*"]
    requests = [
        f"{arn}/{each}/*/{component}/{REQUESTS}/*" for each in sorted(buckets) for component in COMPONENTS
    ]
    once = [f"{arn}/{region}/*/{component}/{part}" for component in COMPONENTS for part in WRITE_ONCE]
    gates = [pattern for each in sorted(buckets) for pattern in roles.gates(each)]
    earlier = [roles.arn(roles.region(each)) for each in sorted(buckets)]
    unconditional = {
        "Null": {"s3:if-none-match": "true"},
        # False for the parts of a multipart upload, which take no such header.
        "BoolIfExists": {"s3:ObjectCreationOperation": "true"},
    }
    every_gate = _roles([*gates, *earlier])
    return _document(
        _deny("TlsOnly", {"Action": "s3:*"}, everything, {"Bool": {"aws:SecureTransport": "false"}}),
        _deny("GatesDoNothingElse", {"NotAction": GATE_ACTIONS}, everything, every_gate),
        _deny(
            "OperatorsWriteRequests", {"Action": ["s3:PutObject", "s3:DeleteObject"]}, requests, every_gate
        ),
        _deny(
            "GatesWriteOnce", {"Action": ["s3:PutObject"]}, once, _roles(roles.gates(region)) | unconditional
        ),
    )


def _deny(sid: str, actions: Document, resources: Sequence[str], condition: Document) -> Document:
    who = {"Sid": sid, "Effect": "Deny", "Principal": "*"}
    return who | actions | {"Resource": list(resources), "Condition": condition}


def _roles(patterns: Sequence[str]) -> Document:
    return {"ArnLike": {"aws:PrincipalArn": list(patterns)}}
