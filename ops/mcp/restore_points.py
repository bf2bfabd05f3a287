"""What `python -m ops restore` can restore."""

from __future__ import annotations

import argparse

from ops import memory
from ops import stack as stacks
from ops.aws import aws_access
from ops.checkpoints import CheckpointStore, Inspected, Stored
from ops.mcp.results import RestorePoint, RestorePoints
from ops.memory import memory_of
from ops.restore import newest_first
from ops.terminal import clock, plain


def list_points(
    arguments: argparse.Namespace, company: str, region: str | None, component: str
) -> RestorePoints:
    """Raises OperatorError."""
    stack = stacks.load(arguments)
    chosen = argparse.Namespace(company=company, region=region, component=component)
    wanted = memory_of(stack, chosen, restored=True)
    store = CheckpointStore(aws_access(stack, arguments.state).client("s3", wanted.region), wanted)
    listing = store.list()
    return RestorePoints(
        company=wanted.company,
        component=wanted.component,
        region=wanted.region,
        reason=wanted.reason,
        bucket=wanted.bucket,
        points=[_point(*each) for each in newest_first(listing, listing.stored())],
    )


def _point(stored: Stored, inspected: Inspected | None) -> RestorePoint:
    checkpoint = inspected.checkpoint if inspected else None
    complete = inspected is not None and inspected.complete
    return RestorePoint(
        checkpoint=str(stored.id),
        written_by=stored.writer,
        time=clock(stored.id.at),
        complete=complete,
        files=len(checkpoint.files) if checkpoint else None,
        bytes=checkpoint.bytes if checkpoint else None,
        remark=plain(stored.remark if complete or inspected is None else inspected.state),
    )


COMPONENTS = (memory.BRAIN, memory.AGENT)
