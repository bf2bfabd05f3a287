"""What an S3 call needs, by the reference's "Required permissions for Amazon S3 API operations"."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from tests.s3 import Call, calls

OBJECT = "arn:aws:s3:::bucket/a/key"
BUCKET = "arn:aws:s3:::bucket"
COPIED = {"x-amz-copy-source": "/other/of%20mine?versionId=7"}
DELETED = b"""<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<Object><Key>one</Key></Object><Object><Key>two</Key><VersionId>7</VersionId></Object></Delete>"""


def read(line: str, **given: Any) -> Call:
    method, path = line.split()
    return calls.read(Request(EnvironBuilder(path, method=method, **given).get_environ()))


@pytest.mark.parametrize(
    ("line", "operation", "action"),
    [
        ("GET /bucket/a/key", "GetObject", "s3:GetObject"),
        ("GET /bucket/a/key?x-id=GetObject", "GetObject", "s3:GetObject"),
        ("GET /bucket/a/key?versionId=7", "GetObject", "s3:GetObjectVersion"),
        ("HEAD /bucket/a/key", "HeadObject", "s3:GetObject"),
        ("PUT /bucket/a/key?x-id=PutObject", "PutObject", "s3:PutObject"),
        ("DELETE /bucket/a/key", "DeleteObject", "s3:DeleteObject"),
        ("DELETE /bucket/a/key?versionId=7", "DeleteObject", "s3:DeleteObjectVersion"),
        ("POST /bucket/a/key?uploads=", "CreateMultipartUpload", "s3:PutObject"),
        ("PUT /bucket/a/key?partNumber=1&uploadId=u", "UploadPart", "s3:PutObject"),
        ("POST /bucket/a/key?uploadId=u", "CompleteMultipartUpload", "s3:PutObject"),
        ("DELETE /bucket/a/key?uploadId=u", "AbortMultipartUpload", "s3:AbortMultipartUpload"),
        ("GET /bucket/a/key?uploadId=u", "ListParts", "s3:ListMultipartUploadParts"),
        ("GET /bucket/a/key?tagging", "GetObjectTagging", "s3:GetObjectTagging"),
        ("GET /bucket/a/key?acl", "GetObjectAcl", "s3:GetObjectAcl"),
        ("PUT /bucket/a/key?retention&versionId=7", "PutObjectRetention", "s3:PutObjectRetention"),
        ("PUT /bucket/a/key?legal-hold", "PutObjectLegalHold", "s3:PutObjectLegalHold"),
    ],
)
def test_a_call_on_an_object_needs_one_action_on_it(line: str, operation: str, action: str) -> None:
    call = read(line)

    assert (call.bucket, call.key, call.operation) == ("bucket", "a/key", operation)
    assert [(need.action, need.resource, need.context) for need in call.needs] == [(action, OBJECT, {})]


@pytest.mark.parametrize(
    ("line", "operation", "action"),
    [
        ("HEAD /bucket", "HeadBucket", "s3:ListBucket"),
        ("GET /bucket", "ListObjects", "s3:ListBucket"),
        ("GET /bucket?list-type=2", "ListObjectsV2", "s3:ListBucket"),
        ("GET /bucket/?list-type=2", "ListObjectsV2", "s3:ListBucket"),
        ("GET /bucket?versions", "ListObjectVersions", "s3:ListBucketVersions"),
        ("GET /bucket?uploads", "ListMultipartUploads", "s3:ListBucketMultipartUploads"),
        ("GET /bucket?location", "GetBucketLocation", "s3:GetBucketLocation"),
        ("GET /bucket?versioning", "GetBucketVersioning", "s3:GetBucketVersioning"),
        ("GET /bucket?replication", "GetBucketReplication", "s3:GetReplicationConfiguration"),
        ("PUT /bucket", "CreateBucket", "s3:CreateBucket"),
        ("PUT /bucket?policy", "PutBucketPolicy", "s3:PutBucketPolicy"),
        ("DELETE /bucket?policy", "DeleteBucketPolicy", "s3:DeleteBucketPolicy"),
        ("PUT /bucket?lifecycle", "PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration"),
        ("PUT /bucket?versioning", "PutBucketVersioning", "s3:PutBucketVersioning"),
        ("PUT /bucket?replication", "PutBucketReplication", "s3:PutReplicationConfiguration"),
        ("PUT /bucket?object-lock", "PutObjectLockConfiguration", "s3:PutBucketObjectLockConfiguration"),
    ],
)
def test_a_call_on_a_bucket_needs_one_action_on_it(line: str, operation: str, action: str) -> None:
    call = read(line)

    assert (call.bucket, call.key, call.operation) == ("bucket", "", operation)
    assert [(need.action, need.resource, need.context) for need in call.needs] == [(action, BUCKET, {})]


def test_a_listing_says_its_prefix_even_an_empty_one() -> None:
    assert read("GET /bucket?prefix=a/b%20c&delimiter=/&max-keys=9").needs[0].context == {
        "s3:prefix": "a/b c",
        "s3:delimiter": "/",
        "s3:max-keys": "9",
    }
    assert read("GET /bucket?prefix=").needs[0].context == {"s3:prefix": ""}


@pytest.mark.parametrize("query", ["", "?partNumber=1&uploadId=u"])
def test_a_copy_needs_its_source_too(query: str) -> None:
    call = read(f"PUT /bucket/a/key{query}", headers=COPIED)

    assert call.operation == ("UploadPartCopy" if query else "CopyObject")
    assert [(need.action, need.resource) for need in call.needs] == [
        ("s3:PutObject", OBJECT),
        ("s3:GetObjectVersion", "arn:aws:s3:::other/of mine"),
    ]


def test_a_write_with_rights_or_tags_needs_more() -> None:
    call = read("PUT /bucket/a/key", headers={"x-amz-acl": "private", "x-amz-tagging": "a=b"})

    assert call.actions == ("s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging")


def test_deleting_several_needs_each() -> None:
    assert [(need.action, need.resource) for need in read("POST /bucket?delete", data=DELETED).needs] == [
        ("s3:DeleteObject", f"{BUCKET}/one"),
        ("s3:DeleteObjectVersion", f"{BUCKET}/two"),
    ]


def test_passing_over_a_lock_needs_a_right_of_its_own() -> None:
    header = {"x-amz-bypass-governance-retention": "true"}

    call = read("DELETE /bucket/a/key?versionId=7", headers=header)
    several = read("POST /bucket?delete", data=DELETED, headers=header)

    assert call.actions == ("s3:DeleteObjectVersion", "s3:BypassGovernanceRetention")
    assert several.actions.count("s3:BypassGovernanceRetention") == 2


@pytest.mark.parametrize(
    ("line", "creates"),
    [
        ("PUT /bucket/a/key", "true"),
        ("POST /bucket/a/key?uploadId=u", "true"),
        ("POST /bucket/a/key?uploads=", "false"),
        ("PUT /bucket/a/key?partNumber=1&uploadId=u", "false"),
    ],
)
def test_a_write_says_whether_it_makes_an_object_and_on_which_condition(line: str, creates: str) -> None:
    plain = {"aws:SecureTransport": "true", "s3:ObjectCreationOperation": creates}

    assert read(line).context == plain
    assert read(line, headers={"If-None-Match": "*"}).context == plain | {"s3:if-none-match": "*"}


@pytest.mark.parametrize(
    "line",
    [
        "DELETE /bucket",
        "GET /bucket?policy",
        "GET /bucket?never-heard-of",
        "POST /bucket/a/key",
        "POST /bucket/a/key?restore",
        "PUT /bucket/a/key?acl",
        "GET /bucket/a/key?attributes",
        "PATCH /bucket/a/key",
        "POST /",
    ],
)
def test_a_call_that_is_not_known_needs_what_nobody_has(line: str) -> None:
    call = read(line)

    assert call.operation == calls.UNKNOWN
    assert call.actions == (calls.UNKNOWN,)


@pytest.mark.parametrize(
    "given",
    [
        {
            "headers": {
                "Authorization": "AWS4-HMAC-SHA256 Credential=me/20260101/eu-west-1/s3/aws4_request, X=y"
            }
        },
        {"query_string": {"X-Amz-Credential": "me/20260101/eu-west-1/s3/aws4_request"}},
    ],
    ids=["header", "query"],
)
def test_a_signature_says_who_and_where(given: dict[str, Any]) -> None:
    call = read("PUT /bucket/a/key", **given)

    assert (call.principal, call.region, call.operation) == ("me", "eu-west-1", "PutObject")
    assert (read("PUT /bucket/a/key").principal, read("PUT /bucket/a/key").region) == ("", "")


def test_the_root_lists_buckets() -> None:
    assert [(need.action, need.resource) for need in read("GET /").needs] == [("s3:ListAllMyBuckets", "*")]
