"""The backfill of the stack `local`, whose emulator has no batch jobs: object by object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ops.aws import AwsAccess, calling
from ops.errors import DONE
from ops.sources import Source
from ops.terminal import say, table


def run(access: AwsAccess, sources: Sequence[Source], region: str) -> int:
    """Copy what the target lacks or has otherwise. Raises OperatorError."""
    say("no S3 Batch Replication here: copying the objects one by one")
    client = access.client("s3", region)
    rows = []
    for source in sources:
        wanted = _listed(client, source.bucket, source.prefix)
        there = _listed(client, source.target, source.prefix)
        lacking = sorted(key for key, tag in wanted.items() if there.get(key) != tag)
        for number, key in enumerate(lacking, start=1):
            with calling(f"copying s3://{source.bucket}/{key}", source.target):
                client.copy_object(
                    Bucket=source.target, Key=key, CopySource={"Bucket": source.bucket, "Key": key}
                )
            if number % 1000 == 0:
                say(f"{source.region}: {number} of {len(lacking)} copied")
        rows.append((source.region, str(len(wanted)), str(len(lacking)), str(len(wanted) - len(lacking))))
    say(table(("from", "objects", "copied", "there before"), rows))
    return DONE


def _listed(client: Any, bucket: str, prefix: str) -> dict[str, str]:
    with calling(f"listing s3://{bucket}/{prefix}", bucket):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {one["Key"]: one["ETag"] for page in pages for one in page.get("Contents", ())}
