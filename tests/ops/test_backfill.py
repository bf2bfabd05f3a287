"""`python -m ops backfill`: which jobs are started, in AWS's own shapes, and what is said of their ends.

moto 5.2.5 has no CreateJob: botocore's stubs hold each call and each answer against AWS's service model.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.stub import ANY, Stubber

from ops import aws, batch_jobs, sources, stack
from ops.__main__ import main
from ops.errors import DONE, FAILED, NOT_CONFIRMED, WRONG_CALL
from plan.iam import replication_access
from plan.iam_evaluator import Request, allows
from tests.ops.snapshots import ASIA, EU, US, stack_file

ACCOUNT = "111122223333"


@dataclass
class Stubs:
    """A stubbed client for each service and region; nothing reaches a network."""

    local = False
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    stubbers: dict[tuple[str, str], Stubber] = field(default_factory=dict)

    def client(self, service: str, region: str) -> Any:
        if (service, region) not in self.clients:
            made = boto3.client(service, region_name=region, aws_access_key_id="x", aws_secret_access_key="x")
            self.clients[service, region] = made
            self.stubbers[service, region] = Stubber(made)
            self.stubbers[service, region].activate()
        return self.clients[service, region]

    def answer(self, service: str, region: str, call: str, answer: Any, asked: Any = None) -> None:
        self.client(service, region)
        self.stubbers[service, region].add_response(call, answer, asked)

    def refuse(self, service: str, region: str, call: str, code: str) -> None:
        self.client(service, region)
        self.stubbers[service, region].add_client_error(call, code, "message", 403)


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubs]:
    monkeypatch.setattr(batch_jobs, "POLL_SECONDS", 0.0)
    made = Stubs()
    monkeypatch.setattr(aws, "aws_access", lambda known, state: made)
    yield made
    for stubber in made.stubbers.values():
        stubber.assert_no_pending_responses()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return stack_file(tmp_path, "prod")


def bucket(region: str) -> str:
    return f"agency-test-prod-{region}"


def rules(target: str, status: str = "Enabled") -> dict[str, Any]:
    one = {
        "Status": status,
        "Priority": 1,
        "Filter": {"Prefix": "x/"},
        "Destination": {"Bucket": f"arn:aws:s3:::{bucket(target)}"},
    }
    return {"ReplicationConfiguration": {"Role": "arn:aws:iam::1:role/x", "Rules": [one]}}


def deployed(stubs: Stubs, *regions: str, target: str) -> None:
    for region in regions:
        stubs.answer("s3", region, "get_bucket_replication", rules(target), {"Bucket": bucket(region)})


def job(status: str, total: int = 0, done: int = 0, failed: int = 0, **more: Any) -> dict[str, Any]:
    summary = {
        "TotalNumberOfTasks": total,
        "NumberOfTasksSucceeded": done,
        "NumberOfTasksFailed": failed,
    }
    return {"Job": {"JobId": "job-x", "Status": status, "ProgressSummary": summary, **more}}


def started(stubs: Stubs, region: str, *answers: dict[str, Any]) -> None:
    """A job is asked for as AWS wants it, and answers its watcher so."""
    asked = {
        "AccountId": ACCOUNT,
        "ConfirmationRequired": False,
        "ClientRequestToken": ANY,
        "Description": ANY,
        "Priority": ANY,
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/agency-test-prod-replication",
        "Operation": {"S3ReplicateObject": {}},
        "ManifestGenerator": {
            "S3JobManifestGenerator": {
                "ExpectedBucketOwner": ACCOUNT,
                "SourceBucket": f"arn:aws:s3:::{bucket(region)}",
                "EnableManifestOutput": False,
                "Filter": {
                    "EligibleForReplication": True,
                    "ObjectReplicationStatuses": ["NONE", "FAILED", "COMPLETED"],
                    "KeyNameConstraint": {"MatchAnyPrefix": [f"{region}/"]},
                },
            }
        },
        "Report": {
            "Enabled": True,
            "Bucket": f"arn:aws:s3:::{bucket(region)}",
            "Prefix": "_backfill",
            "Format": "Report_CSV_20180820",
            "ReportScope": "FailedTasksOnly",
        },
    }
    stubs.answer("s3control", region, "create_job", {"JobId": f"job-{region}"}, asked)
    for answer in answers:
        of = {"AccountId": ACCOUNT, "JobId": f"job-{region}"}
        stubs.answer("s3control", region, "describe_job", answer, of)


def account(stubs: Stubs, region: str) -> None:
    stubs.answer("sts", region, "get_caller_identity", {"Account": ACCOUNT})


def backfill(file: Path, *more: str, region: str = ASIA) -> int:
    return main(["backfill", "--config", str(file), "--region", region, *more])


def test_a_job_is_started_from_every_region_that_replicates_to_the_new_one(
    stubs: Stubs, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed(stubs, EU, US, target=ASIA)
    account(stubs, EU)
    started(stubs, EU, job("Preparing"), job("Active", 7, 3), job("Complete", 7, 7))
    started(stubs, US, job("Active", 2, 1), job("Complete", 2, 2))
    assert backfill(file, "--yes") == DONE
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [EU, "Complete", "7", "7", "0"] in rows and [US, "Complete", "2", "2", "0"] in rows


def test_regions_that_replicate_elsewhere_are_left_alone(stubs: Stubs, tmp_path: Path) -> None:
    regions = [{"name": US, "replicateTo": [EU]}, EU, ASIA]
    file = stack_file(tmp_path, "prod", regions=regions)
    deployed(stubs, EU, target=ASIA)
    account(stubs, EU)
    started(stubs, EU)
    assert backfill(file, "--yes", "--no-wait") == DONE


def test_what_failed_is_counted_with_where_its_report_lies(
    stubs: Stubs, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed(stubs, EU, US, target=ASIA)
    account(stubs, EU)
    report = {"Report": {"Enabled": True, "Bucket": f"arn:aws:s3:::{bucket(EU)}"}}
    started(stubs, EU, job("Complete", 7, 5, 2, **report))
    reasons = [{"FailureCode": "ManifestEmpty", "FailureReason": "no objects"}]
    started(stubs, US, job("Failed", FailureReasons=reasons))
    assert backfill(file, "--yes") == FAILED
    said = capsys.readouterr().out
    assert f"s3://{bucket(EU)}/_backfill/job-job-{EU}/" in said
    assert f"{US}: ManifestEmpty: no objects" in said
    assert [EU, "Complete", "7", "5", "2"] in [line.split() for line in said.splitlines()]


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (job("Complete", 2, 2), DONE),
        (job("Complete", 2, 1, 1), FAILED),
        (job("Failed", 2, 2), FAILED),
        (job("Cancelled"), FAILED),
    ],
)
def test_it_succeeds_when_every_job_is_complete_and_no_object_failed(
    stubs: Stubs, file: Path, end: dict[str, Any], code: int
) -> None:
    deployed(stubs, EU, US, target=ASIA)
    account(stubs, EU)
    started(stubs, EU, end)
    started(stubs, US, job("Complete", 3, 3))
    assert backfill(file, "--yes") == code


@pytest.mark.parametrize("missing", ["none", "disabled", "elsewhere"])
def test_without_a_rule_for_the_new_region_no_job_is_started(
    stubs: Stubs, file: Path, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    deployed(stubs, EU, target=ASIA)
    if missing == "none":
        stubs.refuse("s3", US, "get_bucket_replication", "ReplicationConfigurationNotFoundError")
    else:
        message = rules(ASIA, "Disabled") if missing == "disabled" else rules(EU)
        stubs.answer("s3", US, "get_bucket_replication", message)
    assert backfill(file, "--yes") == FAILED
    said = capsys.readouterr().err
    assert f"no rule replicates to {bucket(ASIA)}: deploy the stack with the new region first" in said


def test_it_asks_before_it_starts_jobs(stubs: Stubs, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deployed(stubs, EU, US, target=ASIA)
    assert backfill(file) == NOT_CONFIRMED
    said = capsys.readouterr().out
    assert f"s3://{bucket(US)}/{US}/" in said and "S3 bills" in said


def test_what_aws_refuses_is_reported_with_the_call(
    stubs: Stubs, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed(stubs, EU, US, target=ASIA)
    account(stubs, EU)
    stubs.refuse("s3control", EU, "create_job", "AccessDenied")
    assert backfill(file, "--yes") == FAILED
    said = capsys.readouterr().err
    assert f"starting a batch replication job in {EU}: refused" in said and "CreateJob" in said


@pytest.mark.parametrize(
    ("settings", "region", "message"),
    [
        ({}, "us-west-2", f"us-west-2 is not in .*; must be one of {US}, {EU}, {ASIA}"),
        ({"regions": [{"name": US, "replicateTo": []}, EU]}, EU, f"no other region of .* replicates to {EU}"),
    ],
)
def test_a_region_that_nothing_goes_to_is_refused(
    stubs: Stubs,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, Any],
    region: str,
    message: str,
) -> None:
    file = stack_file(tmp_path, "prod", **settings)
    assert backfill(file, region=region) == WRONG_CALL
    assert re.search(message, capsys.readouterr().err)


def test_every_word_of_the_request_is_one_that_aws_knows() -> None:
    """Stubs check names and lengths; the values of enumerations only AWS would."""
    model = botocore.session.get_session().get_service_model("s3control")
    source = sources.Source(region=US, bucket=bucket(US), target=bucket(EU))
    request = batch_jobs.job_request(source, account=ACCOUNT, role="role", token="token")
    checked = list(words(request, model.operation_model("CreateJob").input_shape))
    assert len(checked) == 5
    assert all(value in accepted for value, accepted in checked), checked
    ends = model.shape_for("JobStatus").enum
    assert set(batch_jobs.ENDED) <= set(ends)


def words(value: Any, shape: Any) -> Iterator[tuple[str, list[str]]]:
    """Values of enumerations, and what is accepted in their place."""
    if shape.type_name == "structure":
        for name, item in value.items():
            yield from words(item, shape.members[name])
    elif shape.type_name == "list":
        for item in value:
            yield from words(item, shape.member)
    elif getattr(shape, "enum", None):
        yield value, shape.enum


def test_the_job_s_role_may_do_what_the_job_does(file: Path) -> None:
    """What S3 calls for each job, as its user guide lists it, judged by the role that the stack makes."""
    regions = (US, EU, ASIA)
    links = {region: [other for other in regions if other != region] for region in regions}
    document = replication_access(links, {region: bucket(region) for region in regions}, {})
    known = stack.load(argparse.Namespace(config=file, stack=None))
    for target, source in product(regions, regions):
        if source == target:
            continue
        found = next(one for one in sources.sources_of(known, target) if one.region == source)
        request = batch_jobs.job_request(found, account=ACCOUNT, role="role", token="token")
        made = request["ManifestGenerator"]["S3JobManifestGenerator"]
        (prefix,) = made["Filter"]["KeyNameConstraint"]["MatchAnyPrefix"]
        needs = [
            ("s3:GetReplicationConfiguration", made["SourceBucket"]),
            ("s3:PutInventoryConfiguration", made["SourceBucket"]),
            ("s3:InitiateReplication", f"{made['SourceBucket']}/{prefix}acme/brain/objects/x"),
            (
                "s3:PutObject",
                f"{request['Report']['Bucket']}/{request['Report']['Prefix']}/job-1/manifest.json",
            ),
            ("s3:ReplicateObject", f"arn:aws:s3:::{found.target}/{prefix}acme/brain/objects/x"),
        ]
        for action, resource in needs:
            assert allows(document, Request(action=action, resource=resource)), (action, resource)
