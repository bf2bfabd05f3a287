"""Buckets as the program makes them, straight in moto's store: quicker than by calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.aws.object_replication import store
from plan.iam import bucket_arn

ROLE = "arn:aws:iam::123456789012:role/replication"


def create(buckets: Mapping[str, str]) -> None:
    """Versioned buckets, `buckets` maps regions to names; each replicates its own prefix to all others."""
    for region, name in buckets.items():
        store().create_bucket(name, region)
        store().put_bucket_versioning(name, "Enabled")
    for region, name in buckets.items():
        if found := rules(region, buckets):
            store().put_bucket_replication(name, {"Role": ROLE, "Rule": found})


def rules(region: str, buckets: Mapping[str, str]) -> list[dict[str, Any]]:
    """What components/replication_mesh.py makes of a region (a test compares them), as S3's API has it."""
    others = sorted(bucket for bucket in buckets if bucket != region)
    return [
        {
            "ID": f"{region}-to-{other}",
            "Priority": priority,
            "Status": "Enabled",
            "Filter": {"Prefix": f"{region}/"},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": bucket_arn(buckets[other])},
        }
        for priority, other in enumerate(others, start=1)
    ]


def forget(name: str) -> None:
    """Drop a bucket with all that is in it, if it is there."""
    if name not in store().buckets:
        return
    bucket = store().get_bucket(name)
    for key in list(bucket.keys):
        for version in bucket.keys.getlist(key):
            if hasattr(version, "dispose"):
                version.dispose()
    for upload in bucket.multiparts.values():
        upload.dispose()
    bucket.keys.clear()
    store().delete_bucket(name)
