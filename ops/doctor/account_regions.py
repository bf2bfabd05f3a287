"""Whether regions are enabled in the account, names of buckets are free, and nodes keep their role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import AwsAccess
from ops.doctor.findings import Finding, missing, present, reason_of
from ops.stack import Stack
from settings import clusters_of

ENABLED = ("opt-in-not-required", "opted-in")


def regions(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    ec2: Any = access.client("ec2", access.home_region)
    states = {
        each["RegionName"]: each["OptInStatus"]
        for each in ec2.describe_regions(RegionNames=list(stack.regions), AllRegions=True)["Regions"]
    }
    for region in stack.regions:
        state = states.get(region, "unknown")
        if state in ENABLED:
            yield present(region, "region", f"enabled ({state})")
        else:
            remedy = f"run: aws account enable-region --region-name {region}; wait until it is ENABLED"
            yield missing(region, "region", f"not enabled in this account ({state})", remedy)


def buckets(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    if not stack.settings.replication.enabled:
        return
    account = access.identity["Account"]
    for region in stack.settings.regions:
        name = stack.bucket(region.name)
        what = f"bucket {name}"
        try:
            # Without the owner, another account's bucket that is open to this one would do.
            access.client("s3", region.name).head_bucket(Bucket=name, ExpectedBucketOwner=account)
        except ClientError as error:
            yield _bucket(region.name, what, error)
            continue
        yield present(region.name, what, "it is this account's")


def _bucket(region: str, what: str, error: ClientError) -> Finding:
    """S3 answers a HEAD without a reason."""
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if status == 404:
        return present(region, what, "its name is free")
    if status == 301:
        remedy = "set namePrefix, choose another stack name, or delete the bucket there"
        return missing(region, what, "the name is a bucket's in another region", remedy)
    if status == 403:
        problem = f"another account has the name, or these credentials may not look ({reason_of(error)})"
        remedy = "allow s3:ListBucket on it; if it stays, set namePrefix, or choose another stack name"
        return missing(region, what, problem, remedy)
    problem = f"nothing is known about the name ({reason_of(error)})"
    return missing(region, what, problem, f"is {region} enabled, and are these credentials valid there?")


def metadata(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    """Of the nodes' own role, which any pod could take that reaches the instance's metadata."""
    for plan in clusters_of(stack.settings):
        if plan.eks is None:
            continue
        what = "instance metadata"
        ec2: Any = access.client("ec2", plan.region)
        running = [
            {"Name": "tag-key", "Values": [f"kubernetes.io/cluster/{plan.eks}"]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        options = [
            one.get("MetadataOptions") or {}
            for page in ec2.get_paginator("describe_instances").paginate(Filters=running)
            for each in page["Reservations"]
            for one in each["Instances"]
        ]
        hops = max((int(one.get("HttpPutResponseHopLimit", 1)) for one in options), default=0)
        if any(one.get("HttpTokens") == "optional" for one in options):
            problem = "nodes answer without a token (IMDSv1): a request forged in a pod gets the node's role"
            yield missing(
                plan.region, what, problem, "set HttpTokens: required in the nodes' launch template"
            )
        elif hops > 1:
            detail = f"hop limit {hops}: only network policies keep pods from the nodes' role; 1 closes it"
            yield present(plan.region, what, detail)
        elif hops == 1:
            yield present(plan.region, what, "hop limit 1: pods do not reach the nodes' role")
