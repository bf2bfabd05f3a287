"""Two buckets whose replicas nobody makes but the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

import boto3
from botocore.config import Config

from local.aws.object_replication import ObjectReplication, Replica
from tests.s3.buckets import ROLE, forget
from tests.s3.network import moto, serve

US, EU = "replicated-us", "replicated-eu"


def rule(prefix: str, destination: str, **more: Any) -> dict[str, Any]:
    return {
        "ID": f"{prefix}to-{destination}",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{destination}"},
        **more,
    }


@dataclass
class Served:
    """Two versioned buckets, and the replicas that their rules ask for, which nobody makes but the test."""

    s3: Any
    replicas: list[Replica]

    def rules(self, bucket: str, *rules: dict[str, Any]) -> None:
        self.s3.put_bucket_replication(
            Bucket=bucket, ReplicationConfiguration={"Role": ROLE, "Rules": list(rules)}
        )

    def put(self, key: str, body: bytes = b"x", bucket: str = US, **more: Any) -> None:
        self.s3.put_object(Bucket=bucket, Key=key, Body=body, **more)

    def replicate(self) -> None:
        for replica in self.replicas:
            replica.apply()
        self.replicas.clear()

    def keys(self, bucket: str) -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def versions(self, bucket: str) -> list[tuple[str, str, bool]]:
        """Key, version and whether it is current, markers included, newest first."""
        listed = self.s3.list_object_versions(Bucket=bucket)
        both = listed.get("Versions", []) + listed.get("DeleteMarkers", [])
        return sorted((each["Key"], each["VersionId"], each["IsLatest"]) for each in both)


def client(url: str) -> Any:
    return boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )


@contextmanager
def serving() -> Iterator[Served]:
    replicas: list[Replica] = []
    server = serve(
        ObjectReplication(moto(), replicas.append, threading.RLock()), lambda: formatdate(usegmt=True)
    )
    s3 = client(f"http://127.0.0.1:{server.port}")
    try:
        for bucket in (US, EU):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        yield Served(s3, replicas)
    finally:
        s3.close()
        server.shutdown()
        server.server_close()
        for bucket in (US, EU):
            forget(bucket)
