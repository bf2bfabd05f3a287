"""Who may do what in the test service, and what is on record of it."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Any

import pytest

from tests.components.stacks import EU, US
from tests.s3 import Call, S3Service
from tests.s3.asking import KEY, code, put


def test_a_bucket_s_own_region_must_be_signed_for(s3: S3Service) -> None:
    sidecar = s3.client(s3.sidecar(US, "acme"), EU)

    answer = code(sidecar.list_objects_v2, Bucket=s3.buckets[US], Prefix=f"{US}/acme/brain/")

    assert answer[0] in (301, 403)
    assert [call.status for call in s3.calls if call.operation == "ListObjectsV2"] == [301]


def test_a_missing_key_is_403_to_a_sidecar_and_404_to_who_may_list_the_bucket(s3: S3Service) -> None:
    bucket = s3.buckets[US]
    document = {"Statement": [{"Sid": "All", "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"]}]}
    sidecar = s3.client(s3.sidecar(US, "acme"))
    lister = s3.client(s3.principal("lister", document))

    assert code(sidecar.head_object, Bucket=bucket, Key=KEY) == (403, "403")
    assert code(sidecar.get_object, Bucket=bucket, Key=KEY) == (403, "AccessDenied")
    for client in (s3.client(), lister):
        assert code(client.head_object, Bucket=bucket, Key=KEY) == (404, "404")
        assert code(client.get_object, Bucket=bucket, Key=KEY) == (404, "NoSuchKey")
    put(s3)
    assert sidecar.get_object(Bucket=bucket, Key=KEY)["Body"].read() == b"x"
    # S3 hides what a delete marker covers in the same way.
    sidecar.delete_object(Bucket=bucket, Key=KEY)
    assert code(sidecar.head_object, Bucket=bucket, Key=KEY) == (403, "403")


@pytest.mark.parametrize(
    "prefix",
    [None, "", US, f"{US}/", f"{US}/acme/", f"{US}/acme/agent/", f"{US}/acme2/", f"{US}/globex/brain/"],
)
def test_a_sidecar_lists_with_its_own_prefix_only(s3: S3Service, prefix: str | None) -> None:
    sidecar = s3.client(s3.sidecar(US, "acme"))
    given = {} if prefix is None else {"Prefix": prefix}

    assert code(sidecar.list_objects_v2, Bucket=s3.buckets[US], **given) == (403, "AccessDenied")
    assert sidecar.list_objects_v2(Bucket=s3.buckets[US], Prefix=f"{US}/acme/brain/")["KeyCount"] == 0


def test_what_no_statement_names_is_refused(s3: S3Service) -> None:
    bucket = s3.buckets[US]
    put(s3)
    version = s3.client().head_object(Bucket=bucket, Key=KEY)["VersionId"]
    sidecar = s3.client(s3.sidecar(US, "acme"))
    own = {"Bucket": bucket, "Key": KEY}
    refused: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (sidecar.delete_object, own | {"VersionId": version}),
        (sidecar.get_object, own | {"VersionId": version}),
        (sidecar.put_object, own | {"ACL": "public-read"}),
        (sidecar.put_object, own | {"Tagging": "a=b"}),
        (sidecar.put_object_tagging, own | {"Tagging": {"TagSet": []}}),
        (sidecar.copy_object, own | {"CopySource": {"Bucket": bucket, "Key": f"{US}/globex/brain/one"}}),
        (sidecar.list_object_versions, {"Bucket": bucket, "Prefix": f"{US}/acme/"}),
        (sidecar.list_multipart_uploads, {"Bucket": bucket}),
        (sidecar.get_bucket_versioning, {"Bucket": bucket}),
        (sidecar.get_bucket_replication, {"Bucket": bucket}),
        (sidecar.delete_bucket, {"Bucket": bucket}),
        (
            sidecar.put_bucket_versioning,
            {"Bucket": bucket, "VersioningConfiguration": {"Status": "Suspended"}},
        ),
        (sidecar.list_buckets, {}),
        (s3.client("nobody").get_object, own),
    ]
    for call, arguments in refused:
        assert code(call, **arguments) == (403, "AccessDenied"), arguments
    assert len(s3.refused) == len(refused)


def test_a_deletion_of_several_needs_the_right_to_each(s3: S3Service) -> None:
    theirs = f"{US}/globex/brain/one"
    sidecar = s3.client(s3.sidecar(US, "acme"))
    put(s3)
    put(s3, theirs)

    both = {"Objects": [{"Key": KEY}, {"Key": theirs}]}
    assert code(sidecar.delete_objects, Bucket=s3.buckets[US], Delete=both) == (403, "AccessDenied")
    sidecar.delete_objects(Bucket=s3.buckets[US], Delete={"Objects": [{"Key": KEY}]})

    assert s3.keys(US) == {theirs: 1}


def test_a_call_without_a_signature_is_refused(s3: S3Service) -> None:
    connection = http.client.HTTPConnection(s3.url.removeprefix("http://"))
    connection.request("GET", f"/{s3.buckets[US]}")

    assert connection.getresponse().status == 403
    connection.close()


def test_every_call_is_on_record_with_what_it_needs(s3: S3Service) -> None:
    sidecar = s3.client(s3.sidecar(US, "acme"))
    bucket = s3.buckets[US]
    sidecar.put_object(Bucket=bucket, Key=KEY, Body=b"x", IfNoneMatch="*")
    sidecar.list_objects_v2(Bucket=bucket, Prefix=f"{US}/acme/brain/", Delimiter="/")

    def described(call: Call) -> tuple[Any, ...]:
        return call.principal, call.region, call.method, call.operation, call.actions, call.status

    who = f"sidecar-{US}-acme"
    assert [described(call) for call in s3.calls] == [
        (who, US, "PUT", "PutObject", ("s3:PutObject",), 200),
        (who, US, "GET", "ListObjectsV2", ("s3:ListBucket",), 200),
    ]
    assert s3.calls[0].needs[0].resource == f"arn:aws:s3:::{bucket}/{KEY}"
    assert s3.calls[1].needs[0].resource == f"arn:aws:s3:::{bucket}"
    assert s3.calls[1].needs[0].context == {"s3:prefix": f"{US}/acme/brain/", "s3:delimiter": "/"}
