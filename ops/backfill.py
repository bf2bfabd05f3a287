"""`python -m ops backfill`: what was written before a region joined, copied to its bucket too.

S3's replication rules copy only what is written after they exist. On AWS this starts an S3 Batch Replication
job in each region that replicates to the new one. The emulator of the stack `local` has no such jobs: there
the objects are copied one by one, along the same rules.
"""

from __future__ import annotations

import argparse

from ops import aws, batch_jobs, confirmation, emulated_backfill, stack
from ops.sources import require_rule, sources_of
from ops.terminal import say


def add_arguments(command: argparse.ArgumentParser) -> None:
    stack.add_arguments(command)
    aws.add_arguments(command)
    command.add_argument("--region", required=True, help="the region that joined")
    confirmation.add_arguments(command)
    command.add_argument("--no-wait", action="store_true", help="only start the jobs")


def run(arguments: argparse.Namespace) -> int:
    known = stack.load(arguments)
    sources = sources_of(known, arguments.region)
    access = aws.aws_access(known, arguments.state)
    for source in sources:
        require_rule(access.client("s3", source.region), source)
    say(f"to s3://{sources[0].target}, what these held before {arguments.region} joined:")
    for source in sources:
        say(f"  s3://{source.bucket}/{source.prefix}")
    if access.local:
        effect = f"these objects are copied to {arguments.region}"
        confirmation.confirm(known, effect, known.living_in(arguments.region), arguments)
        return emulated_backfill.run(access, sources, arguments.region)
    say("S3 bills each job and each object (source: S3 pricing, Batch Operations and Replication).")
    effect = f"an S3 Batch Replication job is started in each region that replicates to {arguments.region}"
    confirmation.confirm(known, effect, known.living_in(arguments.region), arguments)
    return batch_jobs.run(known, access, sources, wait=not arguments.no_wait)
