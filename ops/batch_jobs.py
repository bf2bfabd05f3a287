"""S3 Batch Replication jobs, one in each source region."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ops.aws import AwsAccess, calling
from ops.errors import DONE, FAILED
from ops.sources import Source
from ops.stack import Stack
from ops.terminal import rounds, say, table
from plan.iam import BACKFILL_REPORTS, bucket_arn
from plan.names import replication_role_name

POLL_SECONDS = 10.0
PRIORITY = 10
ENDED = ("Complete", "Failed", "Cancelled")
STATUSES = ("NONE", "FAILED", "COMPLETED")
"""COMPLETED, too: objects that another region already has, and the new region lacks (source: S3 user guide,
"Filters for a Batch Replication job")."""


@dataclass(frozen=True, kw_only=True)
class Job:
    region: str
    id: str
    client: Any
    account: str


def job_request(source: Source, *, account: str, role: str, token: str) -> dict[str, Any]:
    """The parameters of s3control's CreateJob. S3 lists the objects itself and keeps no list."""
    return {
        "AccountId": account,
        "ConfirmationRequired": False,
        "ClientRequestToken": token,
        "Description": f"backfill from {source.region}",
        "Priority": PRIORITY,
        "RoleArn": f"arn:aws:iam::{account}:role/{role}",
        "Operation": {"S3ReplicateObject": {}},
        "ManifestGenerator": {
            "S3JobManifestGenerator": {
                "ExpectedBucketOwner": account,
                "SourceBucket": bucket_arn(source.bucket),
                "EnableManifestOutput": False,
                "Filter": {
                    "EligibleForReplication": True,
                    "ObjectReplicationStatuses": list(STATUSES),
                    "KeyNameConstraint": {"MatchAnyPrefix": [source.prefix]},
                },
            }
        },
        "Report": {
            "Enabled": True,
            "Bucket": bucket_arn(source.bucket),
            "Prefix": BACKFILL_REPORTS,
            "Format": "Report_CSV_20180820",
            "ReportScope": "FailedTasksOnly",
        },
    }


def run(stack: Stack, access: AwsAccess, sources: Sequence[Source], *, wait: bool) -> int:
    """Start a job for each source; wait until all have ended. Raises OperatorError."""
    with calling("reading the account of these credentials"):
        account = access.client("sts", sources[0].region).get_caller_identity()["Account"]
    path = (stack.settings.role_path or "/").removeprefix("/")
    role = path + replication_role_name(stack.settings.resource_prefix, stack.name)
    jobs = []
    for source in sources:
        client = access.client("s3control", source.region)
        request = job_request(source, account=account, role=role, token=str(uuid.uuid4()))
        with calling(f"starting a batch replication job in {source.region}", source.bucket):
            job = client.create_job(**request)["JobId"]
        jobs.append(Job(region=source.region, id=job, client=client, account=account))
        say(f"{source.region}: job {job}")
    if not wait:
        say(f"to list the jobs: aws s3control list-jobs --account-id {account}")
        return DONE
    return _follow(jobs)


def _follow(jobs: Sequence[Job]) -> int:
    states: dict[str, dict[str, Any]] = {}
    try:
        for passed, report in rounds(POLL_SECONDS):
            for job in jobs:
                if states.get(job.id, {}).get("Status") not in ENDED:
                    states[job.id] = _describe(job)
            if all(state["Status"] in ENDED for state in states.values()):
                break
            if report:
                progress = "; ".join(f"{job.region}: {_progress(states[job.id])}" for job in jobs)
                say(f"{passed:.0f} s … {progress}")
    except KeyboardInterrupt:
        say("the jobs go on: " + ", ".join(f"{job.id} in {job.region}" for job in jobs))
        raise
    return _report(jobs, states)


def _describe(job: Job) -> dict[str, Any]:
    with calling(f"reading the job {job.id} in {job.region}"):
        state: dict[str, Any] = job.client.describe_job(AccountId=job.account, JobId=job.id)["Job"]
    return state


def _counts(state: dict[str, Any]) -> tuple[int, int, int]:
    summary = state.get("ProgressSummary") or {}
    kinds = ("TotalNumberOfTasks", "NumberOfTasksSucceeded", "NumberOfTasksFailed")
    total, done, failed = (int(summary.get(kind, 0)) for kind in kinds)
    return total, done, failed


def _progress(state: dict[str, Any]) -> str:
    total, done, failed = _counts(state)
    return f"{state['Status']}, {done} of {total} copied" + (f", {failed} failed" if failed else "")


def _report(jobs: Sequence[Job], states: dict[str, dict[str, Any]]) -> int:
    rows, ok = [], True
    for job in jobs:
        state = states[job.id]
        total, done, failed = _counts(state)
        rows.append((job.region, state["Status"], str(total), str(done), str(failed)))
        ok = ok and state["Status"] == "Complete" and not failed
    say(table(("from", "job", "objects", "copied", "failed"), rows))
    for job in jobs:
        for reason in states[job.id].get("FailureReasons") or ():
            say(f"{job.region}: {reason.get('FailureCode')}: {reason.get('FailureReason')}")
        if _counts(states[job.id])[2]:
            bucket = states[job.id].get("Report", {}).get("Bucket", "").rpartition(":")[2]
            say(
                f"{job.region}: objects that failed, with reasons: s3://{bucket}/{BACKFILL_REPORTS}/job-{job.id}/"
            )
    return DONE if ok else FAILED
