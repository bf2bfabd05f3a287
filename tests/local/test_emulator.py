"""The AWS emulator as a process."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.aws import emulator as service
from local.aws.emulator import NAME, Emulator, EmulatorError
from local.machine import ports
from local.machine.processes import Processes
from plan.iam import bucket_policy
from plan.names import RoleNames
from tests.services import until

ZONE = "Z0123456789ABCDEFGHIJ"
DOMAIN = "agency.example.com"


def client(emulator: Emulator, name: str, region: str = "us-east-1") -> Any:
    return boto3.client(name, region_name=region, **emulator.credentials())


def test_a_hosted_zone_has_exactly_the_id_that_was_wanted(emulator: Emulator) -> None:
    service.ensure_hosted_zone(emulator.url, ZONE, DOMAIN)

    route53 = client(emulator, "route53")
    records = route53.list_resource_record_sets(HostedZoneId=ZONE)["ResourceRecordSets"]
    assert {(record["Name"], record["Type"]) for record in records} == {
        (f"{DOMAIN}.", "NS"),
        (f"{DOMAIN}.", "SOA"),
    }
    assert route53.get_hosted_zone(Id=ZONE)["HostedZone"]["Name"] == f"{DOMAIN}."


def test_a_hosted_zone_that_is_there_keeps_its_records(emulator: Emulator) -> None:
    service.ensure_hosted_zone(emulator.url, "ZKEPT", "kept.example.com")
    route53 = client(emulator, "route53")
    record = {
        "Name": "a.kept.example.com",
        "Type": "CNAME",
        "TTL": 20,
        "ResourceRecords": [{"Value": "b.example.com"}],
    }
    change = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    route53.change_resource_record_sets(HostedZoneId="ZKEPT", ChangeBatch=change)

    service.ensure_hosted_zone(emulator.url, "ZKEPT", "kept.example.com.")

    names = [
        entry["Name"]
        for entry in route53.list_resource_record_sets(HostedZoneId="ZKEPT")["ResourceRecordSets"]
    ]
    assert "a.kept.example.com." in names
    zones = route53.list_hosted_zones_by_name(DNSName="kept.example.com")["HostedZones"]
    assert [zone["Id"] for zone in zones if zone["Name"] == "kept.example.com."] == ["/hostedzone/ZKEPT"]


def test_a_hosted_zone_of_another_domain_is_rejected(emulator: Emulator) -> None:
    service.ensure_hosted_zone(emulator.url, "ZTAKEN", "one.example.com")

    with pytest.raises(
        EmulatorError, match=r"ZTAKEN is for one\.example\.com\., not for two\.example\.com\."
    ):
        service.ensure_hosted_zone(emulator.url, "ZTAKEN", "two.example.com")


def test_regions_are_separate(emulator: Emulator) -> None:
    client(emulator, "s3", "eu-west-1").create_bucket(
        Bucket="agency-local-eu-west-1", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )

    location = client(emulator, "s3").get_bucket_location(Bucket="agency-local-eu-west-1")
    assert location["LocationConstraint"] == "eu-west-1"


def test_its_environment_wins_over_profiles_and_proxies_of_the_user(emulator: Emulator) -> None:
    code = "import boto3; account = boto3.client('sts').get_caller_identity()['Account']\n"
    code += "print(account, boto3.Session().region_name)"
    users = {"AWS_PROFILE": "theirs", "HTTP_PROXY": "http://127.0.0.1:9", "no_proxy": "example.com"}
    environment = {**os.environ, **users, **emulator.environment("eu-west-1")}
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert answer.stdout == "123456789012 eu-west-1\n"


def test_a_second_start_changes_nothing(state: Path) -> None:
    first = service.start(state, print)
    client(first, "s3").create_bucket(Bucket="kept")

    second = service.start(state, print)

    assert second == first
    assert [bucket["Name"] for bucket in client(second, "s3").list_buckets()["Buckets"]] == ["kept"]


def test_another_process_is_another_instance_at_the_same_address(state: Path) -> None:
    first = service.start(state, print)
    running = Processes(state).find(NAME)
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    until(lambda: not Processes(state).alive(NAME), "it is dead")

    second = service.start(state, print)

    assert second.url == first.url
    assert second.instance != first.instance


def test_an_emulator_of_other_code_is_replaced(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = service.start(state, print)
    monkeypatch.setattr(service, "_source", lambda: "newer")

    assert service.start(state, print).instance != first.instance


def test_a_port_that_was_lost_to_another_emulator_is_given_up(
    emulator: Emulator, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = int(emulator.url.rpartition(":")[2])
    state.mkdir()
    (state / "ports.json").write_text(f'{{"{NAME}": {taken}}}')
    seems_free, is_free = iter([True]), ports.is_free
    monkeypatch.setattr(
        ports, "is_free", lambda port: next(seems_free, False) if port == taken else is_free(port)
    )
    lines: list[str] = []

    started = service.start(state, lines.append)

    assert started.url != emulator.url
    assert "another program has taken the port: choosing another port" in lines


def test_two_state_folders_have_an_account_each(emulator: Emulator, state: Path) -> None:
    other = service.start(state, print)
    client(emulator, "s3").create_bucket(Bucket="only-here")

    assert other.url != emulator.url
    assert client(other, "s3").list_buckets()["Buckets"] == []


def test_stop_leaves_no_process(state: Path) -> None:
    service.start(state, print)

    assert Processes(state).stop_all() == [NAME]
    assert not Processes(state).alive(NAME)


def test_replication_rules_come_back_as_they_were_put(emulator: Emulator) -> None:
    s3 = boto3.client("s3", region_name="us-east-1", **emulator.credentials())
    for bucket in ("rules-source", "rules-target"):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ID": "there",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": "us-east-1/"},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {
            "Bucket": "arn:aws:s3:::rules-target",
            "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}},
            "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
        },
    }
    role = "arn:aws:iam::123456789012:role/replication"

    s3.put_bucket_replication(
        Bucket="rules-source",
        ReplicationConfiguration={"Role": role, "Rules": [rule, {**rule, "ID": "again"}]},
    )

    configuration = s3.get_bucket_replication(Bucket="rules-source")["ReplicationConfiguration"]
    assert configuration == {"Role": role, "Rules": [rule, {**rule, "ID": "again"}]}


def test_a_bucket_with_the_program_s_policy_can_be_used_and_any_other_refusal_stands(
    emulator: Emulator,
) -> None:
    s3 = client(emulator, "s3")
    s3.create_bucket(Bucket="tls-only")
    tls = bucket_policy(RoleNames(domain="example.com", stack="dev"), "us-east-1", {"us-east-1": "tls-only"})
    key = {"Bucket": "tls-only", "Key": "one"}

    s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps(tls))
    s3.put_object(**key, Body=b"x")
    assert s3.get_object(**key)["Body"].read() == b"x"

    refusal = {**tls["Statement"][0], "Sid": "Nobody"}
    del refusal["Condition"]
    policy = {**tls, "Statement": [*tls["Statement"], refusal]}
    s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps(policy))
    with pytest.raises(ClientError, match="403"):
        s3.put_object(**key, Body=b"y")


def test_a_record_deleted_by_its_set_identifier_takes_no_other_name_with_it(emulator: Emulator) -> None:
    service.ensure_hosted_zone(emulator.url, "Z0DELETED", "deleted.example.com")
    route53 = boto3.client("route53", region_name="us-east-1", **emulator.credentials())
    trees = [
        {
            "Name": f"{tree}._tree.deleted.example.com.",
            "Type": "CNAME",
            "SetIdentifier": "primary",
            "Failover": "PRIMARY",
            "TTL": 20,
            "ResourceRecords": [{"Value": "us-east-1.deleted.example.com"}],
        }
        for tree in ("old", "new")
    ]

    def change(action: str, tree: dict[str, Any]) -> None:
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": tree}]}
        route53.change_resource_record_sets(HostedZoneId="Z0DELETED", ChangeBatch=batch)

    for tree in trees:
        change("UPSERT", tree)
    change("DELETE", trees[0])

    listed = route53.list_resource_record_sets(HostedZoneId="Z0DELETED")["ResourceRecordSets"]
    assert [each["Name"] for each in listed if each["Type"] == "CNAME"] == [trees[1]["Name"]]


def test_a_listing_begins_at_the_set_identifier_that_is_asked_for(emulator: Emulator) -> None:
    service.ensure_hosted_zone(emulator.url, "Z0LISTED", "listed.example.com")
    route53 = boto3.client("route53", region_name="us-east-1", **emulator.credentials())
    each = {"Name": "a.listed.example.com.", "Type": "CNAME", "TTL": 20, "Weight": 1}
    for identifier in ("second", "first", "third"):
        value = {**each, "SetIdentifier": identifier, "ResourceRecords": [{"Value": "b.example.com"}]}
        batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": value}]}
        route53.change_resource_record_sets(HostedZoneId="Z0LISTED", ChangeBatch=batch)

    def listed(identifier: str, limit: str) -> list[str]:
        start = {f"StartRecord{key}": each[key] for key in ("Name", "Type")}
        start |= {"HostedZoneId": "Z0LISTED", "MaxItems": limit, "StartRecordIdentifier": identifier}
        return [
            record["SetIdentifier"]
            for record in route53.list_resource_record_sets(**start)["ResourceRecordSets"]
        ]

    assert listed("second", "1") == ["second"]
    assert listed("second", "9") == ["second", "third"]
    assert listed("third", "1") == ["third"]
