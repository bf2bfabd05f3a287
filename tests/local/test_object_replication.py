"""Object replication as S3 does it, through moto's own application, by boto3."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from local.aws.emulator import Emulator
from local.aws.object_replication import RandomDelay, Replica, ReplicationError
from tests.local.replicated import EU, US, Served, client, rule, serving
from tests.s3.buckets import ROLE
from tests.services import until

PART = 5 * 1024 * 1024


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as running:
        yield running


def test_objects_older_than_the_rule_stay_where_they_are(served: Served) -> None:
    served.put("us/older")
    served.rules(US, rule("us/", EU))
    served.put("us/newer")

    served.replicate()

    assert served.keys(EU) == ["us/newer"]


def test_a_key_outside_the_prefix_is_left_alone(served: Served) -> None:
    served.rules(US, rule("us/", EU))
    for key in ("usa/one", "other/us/one", "us/one"):
        served.put(key)

    served.replicate()

    assert served.keys(EU) == ["us/one"]


def test_a_rule_that_is_disabled_or_gone_copies_nothing(served: Served) -> None:
    served.rules(US, rule("us/", EU, Status="Disabled"))
    served.put("us/one")
    served.s3.delete_bucket_replication(Bucket=US)
    served.put("us/two")

    assert served.replicas == []


def test_a_replica_keeps_content_metadata_tags_version_and_time(served: Served) -> None:
    served.rules(US, rule("us/", EU))
    served.put("us/one", b"content", Metadata={"mtime": "1.5"}, ContentType="text/x", Tagging="a=b")
    served.replicate()

    source, replica = (served.s3.get_object(Bucket=bucket, Key="us/one") for bucket in (US, EU))
    assert replica["Body"].read() == b"content"
    for name in ("Metadata", "ContentType", "VersionId", "LastModified", "ETag", "TagCount"):
        assert replica[name] == source[name], name
    assert replica["Metadata"] == {"mtime": "1.5"}


def test_a_multipart_upload_arrives_whole_and_outlives_its_source(served: Served) -> None:
    served.rules(US, rule("us/", EU))
    own = {"Bucket": US, "Key": "us/big"}
    own["UploadId"] = served.s3.create_multipart_upload(**own)["UploadId"]
    parts = [
        {"PartNumber": number, "ETag": served.s3.upload_part(**own, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate((b"a" * PART, b"b"), start=1)
    ]
    assert served.replicas == []
    done = served.s3.complete_multipart_upload(**own, MultipartUpload={"Parts": parts})
    served.replicate()
    served.s3.delete_object(Bucket=US, Key="us/big", VersionId=done["VersionId"])

    replica = served.s3.get_object(Bucket=EU, Key="us/big")
    assert replica["Body"].read() == b"a" * PART + b"b"
    assert replica["ETag"] == done["ETag"]


def test_an_object_that_is_copied_into_the_prefix_is_replicated(served: Served) -> None:
    served.put("elsewhere/one", b"content")
    served.rules(US, rule("us/", EU))
    served.s3.copy_object(Bucket=US, Key="us/one", CopySource={"Bucket": US, "Key": "elsewhere/one"})

    served.replicate()

    assert served.s3.get_object(Bucket=EU, Key="us/one")["Body"].read() == b"content"


@pytest.mark.parametrize("many", [False, True], ids=["DeleteObject", "DeleteObjects"])
def test_a_delete_marker_is_replicated_and_the_version_below_it_stays(served: Served, many: bool) -> None:
    served.rules(US, rule("us/", EU))
    served.put("us/one")
    served.replicate()
    if many:
        served.s3.delete_objects(Bucket=US, Delete={"Objects": [{"Key": "us/one"}, {"Key": "us/none"}]})
    else:
        served.s3.delete_object(Bucket=US, Key="us/one")

    served.replicate()

    assert served.keys(EU) == []
    assert served.versions(EU) == served.versions(US)
    assert len(served.versions(EU)) == 2


def test_a_delete_marker_stays_at_home_when_the_rule_says_so(served: Served) -> None:
    served.rules(US, rule("us/", EU, DeleteMarkerReplication={"Status": "Disabled"}))
    served.put("us/one")
    served.s3.delete_object(Bucket=US, Key="us/one")

    served.replicate()

    assert served.keys(US) == []
    assert served.keys(EU) == ["us/one"]


def test_deleting_a_version_is_not_replicated(served: Served) -> None:
    served.rules(US, rule("us/", EU))
    served.put("us/one")
    served.replicate()
    version = served.s3.head_object(Bucket=US, Key="us/one")["VersionId"]
    served.s3.delete_object(Bucket=US, Key="us/one", VersionId=version)
    served.s3.delete_objects(Bucket=US, Delete={"Objects": [{"Key": "us/one", "VersionId": version}]})

    assert served.replicas == []
    assert served.keys(EU) == ["us/one"]


def test_a_replica_is_not_replicated_back_or_onward(served: Served) -> None:
    served.rules(US, rule("", EU))
    served.rules(EU, rule("", US))
    served.put("one")
    served.put("two", bucket=EU)
    assert len(served.replicas) == 2

    served.replicate()

    assert served.replicas == []
    assert served.versions(US) == served.versions(EU)
    assert len(served.versions(US)) == 2


def test_in_whatever_order_versions_arrive_the_last_one_written_is_current(served: Served) -> None:
    served.rules(US, rule("us/", EU))
    for body in (b"first", b"second", b"third"):
        served.put("us/one", body)
    served.s3.delete_object(Bucket=US, Key="us/gone")
    served.put("us/gone")
    served.s3.delete_object(Bucket=US, Key="us/gone")
    served.replicas.reverse()

    served.replicate()

    assert served.s3.get_object(Bucket=EU, Key="us/one")["Body"].read() == b"third"
    assert served.keys(EU) == ["us/one"]
    assert served.versions(EU) == served.versions(US)


def test_a_copy_that_is_made_twice_is_one_version(served: Served) -> None:
    served.rules(US, rule("us/", EU))
    served.put("us/one")
    served.replicas *= 2

    served.replicate()

    assert len(served.versions(EU)) == 1


def test_tags_set_later_write_no_version_and_are_not_copied(served: Served) -> None:
    served.put("us/one")
    served.rules(US, rule("us/", EU))
    served.s3.put_object_tagging(Bucket=US, Key="us/one", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})

    assert served.replicas == []


@pytest.mark.parametrize("step", [1, -1])
def test_of_two_rules_for_one_bucket_the_higher_priority_counts(served: Served, step: int) -> None:
    both = [
        rule("us/", EU, Priority=10, DeleteMarkerReplication={"Status": "Disabled"}),
        rule("", EU, ID="all", Priority=9),
    ]
    served.rules(US, *both[::step])
    served.put("us/one")
    served.s3.delete_object(Bucket=US, Key="us/one")

    assert len(served.replicas) == 1


def test_a_key_with_spaces_and_letters_of_other_languages_arrives_as_it_is(served: Served) -> None:
    served.rules(US, rule("us/", EU))
    key = "us/a b+c/größe%20&?.txt"
    served.put(key)

    served.replicate()

    assert served.keys(EU) == [key]


@pytest.mark.parametrize("filtered", [{"Tag": {"Key": "a", "Value": "b"}}, None], ids=["by tag", "version 1"])
def test_a_rule_that_is_not_supported_is_logged_by_its_name(
    served: Served, caplog: pytest.LogCaptureFixture, filtered: dict[str, Any] | None
) -> None:
    awkward = rule("us/", EU, ID="awkward")
    del awkward["Filter"]
    served.rules(US, awkward | ({"Filter": filtered} if filtered else {"Prefix": "us/"}))
    served.put("us/one")

    assert served.replicas == []
    assert "not replicated: rule awkward of replicated-us: must have a `Filter`" in caplog.text


def test_a_destination_that_is_missing_or_keeps_no_versions_is_an_error(served: Served) -> None:
    served.s3.create_bucket(Bucket="without-versions")
    for bucket, reason in (("nowhere", "a bucket is missing"), ("without-versions", "must have versioning")):
        served.rules(US, rule("us/", bucket))
        served.put("us/one")
        with pytest.raises(ReplicationError, match=reason):
            served.replicate()
        served.replicas.clear()
    served.s3.delete_bucket(Bucket="without-versions")


def test_a_failed_replica_is_logged_and_the_next_replica_is_created(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.rules(US, rule("us/", "nowhere"), rule("us/", EU, ID="there", Priority=2))
    served.put("us/one")
    assert [replica.destination for replica in served.replicas] == ["nowhere", EU]
    schedule = RandomDelay(0.0, threading.Lock())
    for replica in served.replicas:
        schedule(replica)

    until(lambda: served.keys(EU) == ["us/one"], "the possible replica is created")
    until(lambda: "a bucket is missing" in caplog.text, "the impossible replica is in the log")


def test_replicas_arrive_in_any_order(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    created: list[str] = []
    monkeypatch.setattr(Replica, "apply", lambda self: created.append(self.key))
    schedule = RandomDelay(0.3, threading.Lock())
    keys = [f"{number:03}" for number in range(200)]
    for key in keys:
        schedule(Replica(source=US, destination=EU, key=key, version="1"))

    until(lambda: len(created) == len(keys), "all are made")
    assert sorted(created) == keys
    assert created != keys


def test_the_local_target_s_emulator_replicates(emulator: Emulator) -> None:
    s3 = client(emulator.url)
    for bucket in ("kept-us", "kept-eu"):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_replication(
        Bucket="kept-us", ReplicationConfiguration={"Role": ROLE, "Rules": [rule("us/", "kept-eu")]}
    )
    for number in range(5):
        s3.put_object(Bucket="kept-us", Key=f"us/{number}", Body=b"x")

    def arrived() -> int:
        return int(s3.list_objects_v2(Bucket="kept-eu")["KeyCount"])

    until(lambda: arrived() == 5, "the other bucket has all")
