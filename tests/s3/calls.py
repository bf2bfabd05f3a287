"""What an S3 call is, and which permissions it needs.

Source: S3 API reference, "Required permissions for Amazon S3 API operations". A call that is not known here
needs a permission that no document grants, so that only the administrator makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

from werkzeug.wrappers import Request

from plan.iam_evaluator import Request as Need

UNKNOWN = "test:CallThatIsNotKnown"


@dataclass(kw_only=True)
class Call:
    """One call, as it came."""

    principal: str
    """Access key id; empty when nobody signed."""
    region: str
    """That the call was signed for."""
    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    operation: str
    """As the S3 API calls it, such as `PutObject`."""
    needs: tuple[Need, ...]
    """Every action on every resource that must be allowed; the context is the call's alone."""
    context: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Condition keys of the whole call, for bucket policies."""
    status: int | None = field(default=None, compare=False)
    """HTTP status of the answer; None when there was none."""

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(need.action for need in self.needs)


def read(request: Request) -> Call:
    bucket, _, key = request.path.removeprefix("/").partition("/")
    query = {name: value for name, value in request.args.items() if name != "x-id"}
    operation = _operation(request, bucket, key, query)
    principal, region = _signed(request)
    return Call(
        principal=principal,
        region=region,
        method=request.method,
        bucket=bucket,
        key=key,
        query=query,
        operation=operation,
        needs=_needs(operation, request, bucket, key, query),
        context=_context(request, operation),
    )


def _context(request: Request, operation: str) -> dict[str, str]:
    """Source: S3 user guide, "Enforce conditional writes on Amazon S3 buckets". The service has no TLS; the
    policy judges as if it had."""
    context = {"aws:SecureTransport": "true"}
    if _OBJECT_ACTIONS.get(operation) == "s3:PutObject":
        context["s3:ObjectCreationOperation"] = str(operation in CREATIONS).lower()
    if (header := request.headers.get("If-None-Match")) is not None:
        context["s3:if-none-match"] = header
    return context


def _signed(request: Request) -> tuple[str, str]:
    """Access key id and region of a signature of version 4, in the header or in the query."""
    header = request.headers.get("Authorization", "")
    scope = header.partition("Credential=")[2].partition(",")[0] or request.args.get("X-Amz-Credential", "")
    parts = scope.split("/")
    return (parts[0], parts[2]) if len(parts) == 5 else ("", "")


_SUBRESOURCES = {"tagging", "acl", "attributes", "retention", "legal-hold", "restore", "torrent", "select"}
_OF_AN_OBJECT = {
    ("GET", "tagging"): "GetObjectTagging",
    ("GET", "acl"): "GetObjectAcl",
    ("PUT", "retention"): "PutObjectRetention",
    ("PUT", "legal-hold"): "PutObjectLegalHold",
}
_OF_A_BUCKET = {
    "location": "GetBucketLocation",
    "versioning": "GetBucketVersioning",
    "versions": "ListObjectVersions",
    "uploads": "ListMultipartUploads",
    "replication": "GetBucketReplication",
}
_CHANGES = {
    ("PUT", "policy"): "PutBucketPolicy",
    ("DELETE", "policy"): "DeleteBucketPolicy",
    ("PUT", "lifecycle"): "PutBucketLifecycleConfiguration",
    ("PUT", "versioning"): "PutBucketVersioning",
    ("PUT", "replication"): "PutBucketReplication",
    ("PUT", "object-lock"): "PutObjectLockConfiguration",
}
_LISTING = {"list-type", "prefix", "delimiter", "marker", "max-keys", "encoding-type", "start-after"}
_LISTING |= {"continuation-token", "fetch-owner"}


def _operation(request: Request, bucket: str, key: str, query: Mapping[str, str]) -> str:
    if not bucket:
        return "ListBuckets" if request.method == "GET" else UNKNOWN
    return _on_object(request, query) if key else _on_bucket(request.method, query)


def _on_bucket(method: str, query: Mapping[str, str]) -> str:
    if method == "HEAD" and not query:
        return "HeadBucket"
    if method == "POST" and "delete" in query:
        return "DeleteObjects"
    if method == "PUT" and not query:
        return "CreateBucket"
    if method != "GET":
        return next((_CHANGES[method, name] for name in query if (method, name) in _CHANGES), UNKNOWN)
    for name, operation in _OF_A_BUCKET.items():
        if name in query:
            return operation
    if query.keys() - _LISTING:
        return UNKNOWN
    return "ListObjectsV2" if query.get("list-type") == "2" else "ListObjects"


def _on_object(request: Request, query: Mapping[str, str]) -> str:
    method = request.method
    if subresource := next(iter(query.keys() & _SUBRESOURCES), None):
        return _OF_AN_OBJECT.get((method, subresource), UNKNOWN)
    copied = "x-amz-copy-source" in request.headers
    if "uploadId" in query:
        part = "UploadPartCopy" if copied else "UploadPart"
        return {
            "GET": "ListParts",
            "PUT": part,
            "POST": "CompleteMultipartUpload",
            "DELETE": "AbortMultipartUpload",
        }.get(method, UNKNOWN)
    if method == "POST":
        return "CreateMultipartUpload" if "uploads" in query else UNKNOWN
    return {
        "GET": "GetObject",
        "HEAD": "HeadObject",
        "PUT": "CopyObject" if copied else "PutObject",
        "DELETE": "DeleteObject",
    }.get(method, UNKNOWN)


_BUCKET_ACTIONS = {
    "HeadBucket": "s3:ListBucket",
    "CreateBucket": "s3:CreateBucket",
    "GetBucketLocation": "s3:GetBucketLocation",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "GetBucketReplication": "s3:GetReplicationConfiguration",
    "ListObjects": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "PutBucketPolicy": "s3:PutBucketPolicy",
    "DeleteBucketPolicy": "s3:DeleteBucketPolicy",
    "PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "PutBucketVersioning": "s3:PutBucketVersioning",
    "PutBucketReplication": "s3:PutReplicationConfiguration",
    "PutObjectLockConfiguration": "s3:PutBucketObjectLockConfiguration",
}
_OBJECT_ACTIONS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "GetObjectTagging": "s3:GetObjectTagging",
    "GetObjectAcl": "s3:GetObjectAcl",
    "PutObject": "s3:PutObject",
    "CopyObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "UploadPartCopy": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "ListParts": "s3:ListMultipartUploadParts",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "DeleteObject": "s3:DeleteObject",
    "PutObjectRetention": "s3:PutObjectRetention",
    "PutObjectLegalHold": "s3:PutObjectLegalHold",
}
CREATIONS = {"PutObject", "CopyObject", "CompleteMultipartUpload"}
"""Operations of `s3:PutObject` that make an object; the others make parts of one."""
_ALSO = {
    "x-amz-acl": "s3:PutObjectAcl",
    "x-amz-tagging": "s3:PutObjectTagging",
    "x-amz-bypass-governance-retention": "s3:BypassGovernanceRetention",
}
"""Headers that ask for more."""


def _needs(
    operation: str, request: Request, bucket: str, key: str, query: Mapping[str, str]
) -> tuple[Need, ...]:
    if operation == "ListBuckets":
        return (Need(action="s3:ListAllMyBuckets", resource="*"),)
    if action := _BUCKET_ACTIONS.get(operation):
        context = {f"s3:{name}": query[name] for name in ("prefix", "delimiter", "max-keys") if name in query}
        return (Need(action=action, resource=f"arn:aws:s3:::{bucket}", context=context),)
    more = [also for header, also in _ALSO.items() if header in request.headers]
    if operation == "DeleteObjects":
        objects = _deleted(request.get_data())
        needs = [_versioned("s3:DeleteObject", bucket, *one) for one in objects]
        return (*needs, *(_on(also, bucket, one) for also in more for one, _ in objects))
    if action := _OBJECT_ACTIONS.get(operation):
        needs = [_versioned(action, bucket, key, query.get("versionId"))]
        if source := request.headers.get("x-amz-copy-source"):
            needs.append(_source(source))
        return (*needs, *(_on(one, bucket, key) for one in more))
    return (_on(UNKNOWN, bucket, key),)


def _on(action: str, bucket: str, key: str) -> Need:
    return Need(action=action, resource=f"arn:aws:s3:::{bucket}/{key}")


def _versioned(action: str, bucket: str, key: str, version: str | None) -> Need:
    """A named version is a right of its own, but for retention and legal hold."""
    same = version is None or action.endswith(("Retention", "LegalHold"))
    return _on(action if same else f"{action}Version", bucket, key)


def _source(header: str) -> Need:
    parts = urlsplit(header)
    bucket, _, key = unquote(parts.path).removeprefix("/").partition("/")
    return _versioned("s3:GetObject", bucket, key, parse_qs(parts.query).get("versionId", [None])[0])


def _deleted(body: bytes) -> list[tuple[str, str | None]]:
    objects = ElementTree.fromstring(body).iterfind("{*}Object")
    return [(item.findtext("{*}Key", ""), item.findtext("{*}VersionId")) for item in objects]
