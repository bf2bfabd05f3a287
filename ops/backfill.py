"""`python -m ops backfill`: copy objects that were written before a region joined to its bucket.

S3's replication rules copy only objects that are written after the rules exist. On AWS the command starts an
S3 Batch Replication job in each region that replicates to the new region. The emulator of the stack `local`
has no such jobs: the command copies the objects itself, by the same rules.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from ops import aws, batch_jobs, confirmation
from ops import stack as stacks
from ops.aws import AwsAccess, calling
from ops.errors import DONE
from ops.sources import Source, require_rule, sources_of
from ops.terminal import say, table


def add_arguments(command: argparse.ArgumentParser) -> None:
    stacks.add_arguments(command)
    aws.add_arguments(command)
    command.add_argument("--region", required=True, help="the region that joined")
    confirmation.add_arguments(command)
    command.add_argument("--no-wait", action="store_true", help="only start the jobs")


def run(arguments: argparse.Namespace) -> int:
    stack = stacks.load(arguments)
    sources = sources_of(stack, arguments.region)
    access = aws.aws_access(stack, arguments.state)
    for source in sources:
        require_rule(access.client("s3", source.region), source)
    say(f"copied to s3://{sources[0].target}: objects from before {arguments.region} joined, in")
    for source in sources:
        say(f"  s3://{source.bucket}/{source.prefix}")
    if access.local:
        effect = f"these objects are copied to {arguments.region}"
        confirmation.confirm(stack, effect, stack.companies_in(arguments.region), arguments)
        return _copy(access, sources, arguments.region)
    say("S3 bills each job and each object (source: S3 pricing, Batch Operations and Replication).")
    effect = f"an S3 Batch Replication job is started in each region that replicates to {arguments.region}"
    confirmation.confirm(stack, effect, stack.companies_in(arguments.region), arguments)
    return batch_jobs.run(stack, access, sources, wait=not arguments.no_wait)


def _copy(access: AwsAccess, sources: Sequence[Source], region: str) -> int:
    """Copy the objects that the target lacks, or has with other content. Raises OperatorError."""
    say("no S3 Batch Replication here: copying the objects one by one")
    client = access.client("s3", region)
    rows = []
    for source in sources:
        wanted = _listed(client, source.bucket, source.prefix)
        there = _listed(client, source.target, source.prefix)
        missing = sorted(key for key, tag in wanted.items() if there.get(key) != tag)
        for number, key in enumerate(missing, start=1):
            with calling(f"copying s3://{source.bucket}/{key}", source.target):
                client.copy_object(
                    Bucket=source.target, Key=key, CopySource={"Bucket": source.bucket, "Key": key}
                )
            if number % 1000 == 0:
                say(f"{source.region}: {number} of {len(missing)} copied")
        rows.append((source.region, str(len(wanted)), str(len(missing)), str(len(wanted) - len(missing))))
    say(table(("from", "objects", "copied", "there before"), rows))
    return DONE


def _listed(client: Any, bucket: str, prefix: str) -> dict[str, str]:
    with calling(f"listing s3://{bucket}/{prefix}", bucket):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", ())}
