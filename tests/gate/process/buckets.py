"""What is in the bucket, as somebody who restores from it sees it."""

from __future__ import annotations

from runtime.gate.snapshot.checkpoint import Checkpoint, parse_checkpoint
from runtime.gate.storage.keys import CHECKPOINTS, prefix_of
from tests.checkpoint_names import checkpoint_ids
from tests.gate.process.pod import NAMESPACE, REGION
from tests.s3 import S3Service

PREFIX = prefix_of(REGION, NAMESPACE, "brain")


def checkpoints(s3: S3Service) -> list[Checkpoint]:
    """The oldest first."""
    keys = (key.removeprefix(f"{PREFIX}/") for key in s3.keys(REGION, f"{PREFIX}/{CHECKPOINTS}/"))
    return [parse_checkpoint(_get(s3, f"{PREFIX}/{id.key}"), id) for id in sorted(checkpoint_ids(keys))]


def newest(s3: S3Service) -> dict[str, bytes]:
    """The files that the newest checkpoint names, each read from the bucket; none without one."""
    found = checkpoints(s3)
    if not found:
        return {}
    return {path: _get(s3, f"{PREFIX}/{file.key}") for path, file in found[-1].files.items()}


def _get(s3: S3Service, key: str) -> bytes:
    body: bytes = s3.client().get_object(Bucket=s3.buckets[REGION], Key=key)["Body"].read()
    return body
